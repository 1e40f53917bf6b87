"""Rendered texts by number, in the order of the dataset: only partitions that hold a wanted one are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pyarrow.parquet as pq

from stages.paths import RENDERED
from stages.runtime.partitioned import partition_names, partition_path, read_rows


class RenderedText(NamedTuple):
    """A selected trace's number in the dataset, its id, and its text up to the open model turn, and after it."""

    number: int
    trace_id: str
    prompt: str
    completion: str


def texts_at(numbers: Iterable[int]) -> Iterator[RenderedText]:
    """The texts with these numbers, in their order."""
    wanted = set(numbers)
    first = 0
    for name in partition_names(RENDERED):
        path = partition_path(RENDERED, name)
        end = first + pq.read_metadata(path).num_rows
        if not wanted.isdisjoint(range(first, end)):
            for number, row in enumerate(read_rows(path, ["id", "prompt", "completion"]), first):
                if number in wanted:
                    yield RenderedText(number, *row)
        first = end
