"""Histograms one below the other on one axis: a row a group, each as high as its own largest bin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from commands.reporting.bins import Bins, bins_of, ticks
from commands.reporting.columns import IntArray
from commands.reporting.svg import WIDTH, block, drawing, path, rule, text

_ROW, _HEIGHT, _ABOVE, _AXIS = 66.0, 34.0, 24.0, 26.0


def draw_ridges(label: str, groups: Sequence[tuple[str, IntArray]]) -> Markup:
    """Histograms of each group's values; a group without any is an empty row."""
    bins = bins_of(np.concatenate([values for _, values in groups]))
    parts: list[Markup] = []
    for row, (name, values) in enumerate(groups):
        ground = row * _ROW + _ABOVE + _HEIGHT
        parts += [text(0, row * _ROW + 14, name, "label"), rule(0, ground, WIDTH, ground)]
        if len(values):
            parts.append(text(WIDTH, row * _ROW + 14, f"median {median(values):,}", "name", "end"))
            parts.append(path(_ridge(bins, values, ground), "bar"))
    foot = len(groups) * _ROW + 10
    return drawing(label, WIDTH, foot + _AXIS - 10, *parts, *_axis(bins, foot))


def median(values: IntArray) -> int:
    """The middle value, of two the lower one."""
    return int(np.percentile(values, 50, method="inverted_cdf"))


def _ridge(bins: Bins, values: IntArray, ground: float) -> str:
    wide = WIDTH / bins.count
    tally = bins.tally(values)
    heights = np.maximum(tally / tally.max() * _HEIGHT, 1.0)
    gap = min(1.5, wide / 5)
    return "".join(
        block(place * wide + gap / 2, ground - height, wide - gap, height)
        for place, (count, height) in enumerate(zip(tally.tolist(), heights.tolist(), strict=True))
        if count
    )


def _axis(bins: Bins, y: float) -> list[Markup]:
    """Numbers below the bins; where a bin is one number, below its middle."""
    middle = 0.5 if bins.width == 1 else 0.0
    last = bins.end - 1
    shown = []
    for tick in ticks(bins.low, last):
        x = (tick - bins.low + middle) / (bins.end - bins.low) * WIDTH
        anchor = "start" if x < 12 else "end" if x > WIDTH - 12 else "middle"
        shown.append(text(x, y, f"{tick:,}", "tick", anchor))
    return [*shown, text(WIDTH, y, f"{bins.end - bins.width:,} and more", "tick", "end")] if bins.cut else shown
