"""Some of many, from all over them: an export is in the order of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

R = TypeVar("R")


def sampled(records: Sequence[R], samples: int) -> Iterator[R]:
    """At most `samples` records, as far from each other as can be, read one at a time."""
    return (records[number] for number in spread(len(records), samples))


def spread(total: int, samples: int) -> list[int]:
    """At most `samples` of the numbers below `total`, as far from each other as can be."""
    count = min(samples, total)
    return [number * total // count for number in range(count)]
