"""What the traces are like, by group: steps, characters of the rendered text, and tokens where they were counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from commands.reporting.columns import Columns, IntArray
from commands.reporting.names import short
from commands.reporting.ridges import draw_ridges, median
from commands.reporting.token_counts import TokenCounts

_NAME = 28  # of a group's name in a drawing, in widths of an `n`; tables have more of it


@dataclass(frozen=True)
class Shape:
    """A measure's drawing, and of each group what is smallest, in the middle and largest; None for a group without."""

    name: str
    drawing: Markup
    rows: list[tuple[int, int, int] | None]


def shapes_of(columns: Columns, tokens: TokenCounts | None) -> list[Shape]:
    """The shapes of a dataset that has a trace at least."""
    measures = [("steps", columns.steps, columns.group), ("characters", columns.characters, columns.group)]
    if tokens is not None and len(tokens.numbers):  # all chosen ones may be too long to count
        group = columns.group[tokens.numbers]
        measures += [("tokens", tokens.tokens, group), ("learned tokens", tokens.learned, group)]
    return [_shape(name, values, group, short_names(columns)) for name, values, group in measures]


def short_names(columns: Columns) -> list[str]:
    """The groups' names for drawings: the game, and where there are several sources the source, too."""
    several = len({group.source for group in columns.groups}) > 1
    return [short(f"{game} · {source}" if several and source else game, _NAME) for source, game in columns.groups]


def _shape(name: str, values: IntArray, group: IntArray, names: list[str]) -> Shape:
    parted = [values[group == number] for number in range(len(names))]
    label = f"Histograms of {name}: " + "; ".join(_said(names, parted))
    rows = [(int(v.min()), median(v), int(v.max())) if len(v) else None for v in parted]
    return Shape(name, draw_ridges(label, list(zip(names, parted, strict=True))), rows)


def _said(names: list[str], parted: list[IntArray]) -> Iterator[str]:
    for name, values in zip(names, parted, strict=True):
        yield (
            f"{name}, {int(values.min()):,} to {int(values.max()):,}, median {median(values):,}"
            if len(values)
            else name
        )
