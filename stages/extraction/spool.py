"""Rows on their way to a worker: in a file, so that a partition's size never matters to memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import msgspec

from traces.batches import batches
from traces.partitions import Cut, Row, payload_bytes
from traces.store.source import Source

# Rows a message: 500 of 1 KB make half a megabyte.
BATCH_ROWS = 500

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


@dataclass(frozen=True)
class SpooledSource(Source):
    """A partition's rows in a file, which is gone when they were read."""

    path: Path

    def rows(self) -> Iterator[Row]:
        with self.path.open("rb") as file:
            while size := file.read(8):
                yield from map(Row._make, _decode(file.read(int.from_bytes(size, "big"))))
        self.path.unlink()


def spool_partitions(rows: Iterator[Row], partition_rows: int, folder: Path) -> Iterator[SpooledSource]:
    """Write the rows, which come in order, to a file a partition; yields each when it is whole."""
    for number, part in groupby(rows, _numbering(Cut(partition_rows))):
        path = folder / f"{number}.rows"
        with path.open("wb") as file:
            for batch in batches(part, BATCH_ROWS, payload_bytes):
                message = _encode(batch)
                file.write(len(message).to_bytes(8, "big"))
                file.write(message)
        yield SpooledSource(path)


def _numbering(cut: Cut) -> Callable[[Row], int]:
    """Tells of each row, in order, the number of its partition."""
    number = count = 0

    def number_of(row: Row) -> int:
        nonlocal number, count
        if cut.begins(row.id, count):
            number, count = number + 1, 0
        count += 1
        return number

    return number_of
