"""A table, for a terminal and for a page alike, and a measurement as its cells."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.measure import Measurement

MB = 1e6
COSTS = ["wall s", "CPU s", "server CPU s", "peak memory MB", "without files MB", "written MB"]


class Table(NamedTuple):
    """`name` is where a page has its place for it. The first column is text, the others are numbers."""

    name: str
    title: str
    head: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        """As a page has it."""
        rule = ["---", *["---:"] * (len(self.head) - 1)]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in (self.head, rule, *self.rows))


def costs(took: Measurement, ours: Measurement | None = None) -> list[str]:
    """A measurement as cells, in parentheses how many times ours it is."""
    cells = []
    for value, of in zip(values(took), values(ours) if ours else [0.0] * len(COSTS), strict=True):
        cells.append(cell(value, of) if ours else number(value))
    return cells


def values(took: Measurement) -> list[float]:
    """A measurement as `COSTS` has it."""
    return [took.wall, took.cpu, took.server_cpu, took.peak / MB, took.anonymous / MB, took.written / MB]


def cell(value: float, ours: float) -> str:
    """A number, and how many times ours it is."""
    if not ours > 0:
        return number(value)
    ratio = value / ours
    return f"{number(value)} ({ratio:.2f}x)" if ratio >= 0.1 else f"{number(value)} ({ratio:.3f}x)"


def number(value: float) -> str:
    """Three digits, as far as there are so few."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
