"""The page's text. Nothing of it is written by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.support.baseline.results import Results

_LINES, _BRANCHES = ("num_statements", "covered_lines"), ("num_branches", "covered_branches")


@dataclass(frozen=True)
class Measured:
    """All that the page says. `coverage` is coverage.py's JSON report; `tests` are those asked for, none for all."""

    commit: str
    changed: bool
    tests: list[str]
    results: Results
    soak: int
    coverage: dict[str, Any]
    manifest: dict[str, Any]


def page_of(measured: Measured) -> str:
    """The page as Markdown."""
    head = f"What `make baseline` found at commit `{measured.commit[:12]}`"
    head += ", with changes that are not committed." if measured.changed else "."
    if measured.tests:
        head += f" Only these tests were run: {', '.join(f'`{test}`' for test in measured.tests)}."
    parts = [
        "# Baseline\n\n<!-- Written by `make baseline`; what is changed by hand is lost. -->",
        head,
        "## Tests",
        _table(("kind", "passed", "skipped"), _kinds(measured.results)),
        f"The soak tests, {measured.soak} of them, are run by `make soak`, and are not counted here.",
        *_reasons(measured.results),
        "## Coverage",
        "By these tests, what they start in other processes counted in.",
        _table(("package", "lines", "covered", "branches", "covered"), _packages(measured.coverage)),
        "## Dataset",
        _table(("", ""), _dataset(measured.manifest)),
    ]
    return "\n\n".join(parts) + "\n"


def _kinds(results: Results) -> Iterable[tuple[str, ...]]:
    for kind in sorted(results.passed | results.left_out):
        yield kind, f"{results.passed[kind]:,}", f"{results.left_out[kind]:,}"
    yield "all", f"{results.passed.total():,}", f"{results.left_out.total():,}"


def _reasons(results: Results) -> list[str]:
    rows = [(reason.replace("|", "\\|"), f"{count:,}") for reason, count in sorted(results.skipped.items())]
    return [_table(("skipped because", "tests"), rows)] if rows else []


def _packages(coverage: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    sums: dict[str, Counter[str]] = {}
    for path, file in coverage["files"].items():
        counted = sums.setdefault(path.split("/")[0], Counter())
        counted.update({key: file["summary"][key] for key in (*_LINES, *_BRANCHES)})
    sums["all"] = sum(sums.values(), Counter())
    for name, counted in sums.items():
        yield name, *_share(counted, *_LINES), *_share(counted, *_BRANCHES)


def _share(counted: Counter[str], all_of: str, covered: str) -> tuple[str, str]:
    return f"{counted[all_of]:,}", f"{100 * counted[covered] / (counted[all_of] or 1):.1f}%"


def _dataset(manifest: dict[str, Any]) -> Iterable[tuple[str, str]]:
    yield "id", f"`{manifest['dataset_id']}`"
    counts = {**manifest["counts"], **manifest["splits"]}
    yield from ((name.replace("_", " "), f"{count:,}") for name, count in counts.items())
    for name, export in manifest["exports"].items():
        yield f"records of {name}", f"{sum(export['records'].values()):,}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    rule = ("---", *("---:" for _ in head[1:]))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))
