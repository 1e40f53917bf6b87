"""`traces takedown`, used wrongly. What it does: tests/pipeline/test_takedown.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.support import Command
from tests.support.samples import trace_id
from tests.support.shell import run

REASON = "asked for by its author"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense", "--reason", REASON], "nonsense: neither a trace id nor sha256: and 64 hex digits"),
        ([trace_id(1)], f"{trace_id(1)} is not on data/exclusions.csv yet: say why with --reason TEXT"),
        ([trace_id(1), "--reason", REASON, "--date", "soon"], "--date soon: expected a date (2026-01-31)"),
    ],
)
def test_wrong_use_changes_nothing(traces: Command, arguments: list[str], says: str) -> None:
    run(Path(), "git", "init", "-q")
    before = Path("data/exclusions.csv").read_bytes()
    assert traces("takedown", *arguments) == 2
    assert traces.err == f"traces: {says}\n"
    assert Path("data/exclusions.csv").read_bytes() == before
