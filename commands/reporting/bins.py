"""Whole numbers in bins of one width, chosen so that a drawing of them can be read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from commands.reporting.columns import IntArray

_MOST = 44  # bins in a drawing
_LEAST = 12  # of one number each: two bars as wide as the page would say less than two of common width
_LONG_TAIL = 3  # times the 99th percentile: a tail as long as that is cut, and its traces are in the last bin


@dataclass(frozen=True)
class Bins:
    """`count` bins of `width` whole numbers from `low` on; where `cut`, the last has what is above it, too."""

    low: int
    width: int
    count: int
    cut: bool

    @property
    def end(self) -> int:
        """The first number above all bins."""
        return self.low + self.width * self.count

    def tally(self, values: IntArray) -> IntArray:
        """How many of the values are in each bin: shape [count]."""
        places = np.minimum((values - self.low) // self.width, self.count - 1)
        return np.bincount(places, minlength=self.count)


def bins_of(values: IntArray) -> Bins:
    """Bins for values of which there is at least one."""
    low, high = int(values.min()), int(values.max())
    most = int(np.percentile(values, 99, method="inverted_cdf"))
    cut = high - low > _LONG_TAIL * max(most - low, 1)
    last = most if cut else high
    width = next(width for width in _widths() if last // width - low // width < _MOST)
    low -= low % width
    count = (last - low) // width + 1
    if width == 1 and count < _LEAST:
        low, count = max(0, low - (_LEAST - count) // 2), _LEAST
    return Bins(low, width, count, cut)


def ticks(low: float, high: float, most: int = 5) -> list[int]:
    """Round whole numbers from `low` to `high`, at most `most`, to write beside an axis."""
    step = next(step for step in _widths() if high // step - -(-low // step) + 1 <= most)
    return list(range(int(-(-low // step)) * step, int(high) + 1, step))


def _widths() -> list[int]:
    return [digit * 10**power for power in range(18) for digit in (1, 2, 5)]
