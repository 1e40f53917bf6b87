"""The flow as a river: what is lost leaves it on one side, what is left ends in the splits.

Drawn along an axis: from left to right on a wide page, from top to bottom on a narrow one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from commands.reporting.flow import Reach
from commands.reporting.svg import drawing, element, path, point, text

_REASONS = 4  # lines of reasons below a loss
_THIN = 1.5  # of a stream that is too small to be seen


@dataclass(frozen=True)
class _Layout:
    """Measures of one of the two: along the river `starts` of its points, then `fan`, where the splits end.

    Across it are `bank`, its straight side, and `width`, that of all traces; `exit` is where a loss ends.
    """

    down: bool
    size: tuple[float, float]
    starts: tuple[float, ...]
    fan: float
    bank: float
    width: float
    exit: float
    gap: float

    def at(self, along: float, across: float) -> str:
        """A place as SVG has it."""
        return point(across, along) if self.down else point(along, across)


WIDE = _Layout(down=False, size=(1080, 236), starts=(2, 222, 442, 662), fan=806, bank=58, width=92, exit=166, gap=14)
NARROW = _Layout(down=True, size=(352, 540), starts=(14, 134, 254, 374), fan=450, bank=112, width=84, exit=216, gap=10)


def draw_flow(
    reached: Sequence[Reach], splits: Mapping[str, int], formats: Mapping[str, int], layout: _Layout
) -> Markup:
    """The river through all points to the splits, and the formats that they are exported as, each with its records."""
    scale = layout.width / max(reached[0].count, 1)
    parts: list[Markup] = []
    for (one, after), (start, end) in zip(pairwise(reached), pairwise(layout.starts), strict=True):
        parts.append(_stream(layout, start, end, after.count * scale))
        parts += _loss(layout, start, after.count * scale, one.count * scale)
        parts += _losses_said(layout, start, one.lost)
    parts += _fan(layout, splits, scale)
    for one, start in zip(reached, layout.starts, strict=True):
        parts += [_gauge(layout, start, layout.bank, one.count * scale), *_point_said(layout, start, one)]
    parts += _formats_said(layout, formats)
    return drawing(_said(reached, splits), *layout.size, *parts, class_="narrow" if layout.down else "wide")


def _said(reached: Sequence[Reach], splits: Mapping[str, int]) -> str:
    points = ", ".join(f"{one.count:,} {one.name}" for one in reached)
    return f"Traces through the pipeline: {points}; {', '.join(f'{count:,} {name}' for name, count in splits.items())}."


def _stream(layout: _Layout, start: float, end: float, width: float) -> Markup:
    near, far = layout.bank, layout.bank + max(width, _THIN)
    corners = [(start, near), (end, near), (end, far), (start, far)]
    return path(f"M{'L'.join(layout.at(*corner) for corner in corners)}z", "stream")


def _loss(layout: _Layout, start: float, kept: float, whole: float) -> list[Markup]:
    """The stream of what is lost: it turns away from the bank and ends at `exit`."""
    if whole <= kept:
        return []
    near, far = layout.bank + kept, layout.bank + max(whole, kept + _THIN)
    turn = start + 34
    ends = layout.at(turn + far - near, layout.exit), layout.at(turn, layout.exit)
    outer = f"C{layout.at(turn + far - near, near)} {layout.at(turn + far - near, near)} {ends[0]}"
    inner = f"C{layout.at(turn, far)} {layout.at(turn, far)} {layout.at(start, far)}"
    return [path(f"M{layout.at(start, near)}{outer}L{ends[1]}{inner}z", "lost")]


def _fan(layout: _Layout, splits: Mapping[str, int], scale: float) -> list[Markup]:
    """The selected traces, parted: a stream a split, with its name and count behind it."""
    parts: list[Markup] = []
    start, turn = layout.starts[-1], (layout.starts[-1] + layout.fan) / 2
    near = layout.bank
    used = sum(splits.values()) * scale + layout.gap * (len(splits) - 1)
    away = layout.bank + (layout.width - used) / 2 if used < layout.width else layout.bank
    # Where the next name may stand: below each other, or beside each other and so further apart.
    least, said = (74.0, 0.0) if layout.down else (25.0, 0.0)
    for name, count in splits.items():
        width = max(count * scale, _THIN if count else 0)
        there = f"C{layout.at(turn, near)} {layout.at(turn, away)} {layout.at(layout.fan, away)}"
        back = f"C{layout.at(turn, away + width)} {layout.at(turn, near + width)} {layout.at(start, near + width)}"
        parts.append(
            path(f"M{layout.at(start, near)}{there}L{layout.at(layout.fan, away + width)}{back}z", f"stream {name}")
        )
        parts.append(_gauge(layout, layout.fan, away, width, name))
        said = max(said, away + width / 2 - (20 if layout.down else -5))
        parts += (
            _number(said, layout.fan + 24, count, name) if layout.down else [_entry(layout.fan + 14, said, count, name)]
        )
        said += least
        near, away = near + count * scale, away + width + layout.gap
    return parts


def _gauge(layout: _Layout, along: float, across: float, width: float, name: str = "") -> Markup:
    """The line across the river where traces are counted."""
    shape = f"M{layout.at(along, across)}L{layout.at(along, across + max(width, _THIN))}"
    return path(shape, f"gauge {name}".strip())


def _point_said(layout: _Layout, start: float, one: Reach) -> list[Markup]:
    return _number(0, start + 14, one.count, one.name) if layout.down else _number(start - 1, 22, one.count, one.name)


def _number(x: float, y: float, count: int, name: str) -> list[Markup]:
    """A number with its name below."""
    return [text(x, y, f"{count:,}", "number"), text(x, y + 17, name, "name")]


def _entry(x: float, y: float, count: int, name: str) -> Markup:
    """A number with its name behind it."""
    return text(x, y, element("tspan", f"{count:,} ", class_="strong") + name, "name")


def _losses_said(layout: _Layout, start: float, lost: Mapping[str, int]) -> list[Markup]:
    x, y = (layout.exit + 10, start + 44) if layout.down else (start + 34, layout.exit + 18)
    shown = enumerate(_few(list(lost.items())))
    return [text(x, y + 17 * row, f"{count:,} {reason}", "loss" if count else "none") for row, (reason, count) in shown]


def _few(lost: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """As many reasons as there is room for; the table has all."""
    if len(lost) > _REASONS:
        lost = [(reason, count) for reason, count in lost if count]
    if len(lost) > _REASONS:
        lost, others = lost[: _REASONS - 1], lost[_REASONS - 1 :]
        lost.append(("for other reasons", sum(count for _, count in others)))
    return lost


def _formats_said(layout: _Layout, formats: Mapping[str, int]) -> list[Markup]:
    """What is exported, by name: each format has the splits once more."""
    if layout.down:
        names = " · ".join(formats)
        shown = names if len(names) <= 46 else f"{len(formats)} formats"
        return [text(0, layout.fan + 70, "exported as", "name"), text(0, layout.fan + 88, shown, "label")]
    x, y = layout.fan + 144, layout.bank + 13
    entries = [_entry(x, y + 22 * row, count, name) for row, (name, count) in enumerate(formats.items())]
    return [text(x, 39, "exported as", "name"), *entries]
