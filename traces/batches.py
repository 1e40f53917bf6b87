"""Batches bounded by count and by bytes: memory grows neither with many rows nor with large ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

# Of content, in one batch: room for 4,096 rows of 2 KB, and far below the 2 GiB at which Arrow's texts end. What is
# held of a batch in all its forms is 20 to 30 times that.
BATCH_BYTES = 1 << 23


def batches(items: Iterable[T], most: int, size: Callable[[T], int]) -> Iterator[list[T]]:
    """The items in order, at most `most` at a time, and no further one where they have `BATCH_BYTES` by `size`.

    Where a batch ends follows from its own items alone, so equal items in equal order make equal batches.
    """
    held: list[T] = []
    room = BATCH_BYTES
    for item in items:
        held.append(item)
        room -= size(item)
        if room <= 0 or len(held) == most:
            yield held
            held, room = [], BATCH_BYTES
    if held:
        yield held


def text_bytes(text: str) -> int:
    """How many bytes a text has in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())
