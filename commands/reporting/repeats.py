"""Traces that say what another says: how often, in which groups, and across splits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from commands.reporting.columns import Columns, IntArray
from stages.paths import SPLITS

# How often a text occurs, from this number up to the next.
_TIMES = (1, 2, 3, 5, 10, 100)


@dataclass(frozen=True)
class Repeats:
    """`texts` are the distinct ones, by how often each occurs. `by_group` counts traces that repeat an earlier one.

    `in_train` counts, of each other split, the traces that say what one in train says.
    """

    texts: dict[str, int]
    by_group: list[int]
    in_train: dict[str, int]


def find_repeats(columns: Columns) -> Repeats:
    """The repeats among the selected traces."""
    _, first, texts, times = np.unique(columns.content, return_index=True, return_inverse=True, return_counts=True)
    repeat = np.ones(len(columns), np.bool_)
    repeat[first] = False
    by_group = np.bincount(columns.group[repeat], minlength=len(columns.groups))
    trained = np.zeros(len(times), np.bool_)
    trained[texts[columns.split == SPLITS.index("train")]] = True
    in_train = {
        name: int(trained[texts[columns.split == number]].sum())
        for number, name in enumerate(SPLITS)
        if name != "train"
    }
    return Repeats(_by_times(times), by_group.tolist(), in_train)


def _by_times(times: IntArray) -> dict[str, int]:
    """Texts by how often they occur, up to the largest number there is."""
    places = np.searchsorted(_TIMES, times, side="right") - 1
    counts = np.bincount(places, minlength=1)
    return {_range(place): int(count) for place, count in enumerate(counts)}


def _range(place: int) -> str:
    low = _TIMES[place]
    if place + 1 == len(_TIMES):
        return f"{low} or more"
    high = _TIMES[place + 1] - 1
    return "once" if high == 1 else "twice" if high == 2 else f"{low} to {high} times"
