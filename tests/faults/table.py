"""The table of faults at the end of a run: how many were tried, how many survived, how many records were lost."""

from __future__ import annotations

from collections import Counter
from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Count what the tests recorded; pytest calls it, once for all processes."""
    tried, survived, lost = Counter[str](), Counter[str](), Counter[str]()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            told = [*getattr(report, "user_properties", [])]
            kinds = [value for name, value in told if name == "fault"]
            tried.update(kinds)
            if kinds:
                survived.update(kinds if outcome == "passed" else [])
                lost[kinds[-1]] += sum(value for name, value in told if name == "lost")
    if tried:
        terminalreporter.section("faults")
        for kind, count in [*sorted(tried.items()), ("all", tried.total())]:
            whole, gone = (survived.total(), lost.total()) if kind == "all" else (survived[kind], lost[kind])
            terminalreporter.write_line(f"{kind:44} {count:4} tried {whole:4} survived {gone:4} records lost")
