"""Horizontal bars: one a name, or one a group that is parted into splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from commands.reporting.svg import WIDTH, block, drawing, path, text

_ROW, _NAMES, _NUMBERS = 28.0, 108.0, 62.0
_TALL = 46.0


def draw_bars(label: str, bars: Mapping[str, int]) -> Markup:
    """A bar a name, as long as its number is large, the number behind it."""
    most = max(bars.values(), default=0) or 1
    parts = []
    for row, (name, count) in enumerate(bars.items()):
        y, length = row * _ROW, count / most * (WIDTH - _NAMES - _NUMBERS)
        parts += [text(0, y + 17, name, "label"), text(_NAMES + length + 8, y + 17, f"{count:,}", "name")]
        if count:
            parts.append(path(block(_NAMES, y + 5, max(length, 1), 16), "bar"))
    return drawing(label, WIDTH, len(bars) * _ROW, *parts)


def draw_shares(label: str, groups: Sequence[tuple[str, Mapping[str, int]]]) -> Markup:
    """A bar a group, all of one length, parted by the splits' numbers."""
    parts = []
    for row, (name, counts) in enumerate(groups):
        total, y, x = sum(counts.values()) or 1, row * _TALL, 0.0
        parts += [text(0, y + 14, name, "label"), text(WIDTH, y + 14, f"{sum(counts.values()):,}", "name", "end")]
        for split, count in counts.items():
            length = count / total * WIDTH
            if count:
                parts.append(path(block(x, y + 21, max(length - 1.5, 1), 12), f"part {split}"))
            x += length
    return drawing(label, WIDTH, len(groups) * _TALL - 8, *parts)
