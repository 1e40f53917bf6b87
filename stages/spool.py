"""Rows on their way to a worker: in a file, so that a partition's size never matters to memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from traces.partitions import Cut, Row
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
    cut = Cut(partition_rows)
    number = 0
    row = next(rows, None)
    while row is not None:
        path = folder / f"{number}.rows"
        with path.open("wb") as file:
            batch, count = [row], 1
            while (row := next(rows, None)) is not None and not cut.begins(row.id, count):
                batch.append(row)
                count += 1
                if len(batch) == BATCH_ROWS:
                    _write(file, batch)
                    batch = []
            _write(file, batch)
        yield SpooledSource(path)
        number += 1


def _write(file: IO[bytes], batch: list[Row]) -> None:
    message = _encode(batch)
    file.write(len(message).to_bytes(8, "big"))
    file.write(message)
