"""Rows on their way to a worker: in a file, so that a partition's size never matters to memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from traces.partitions import Row, starts_partition

# Rows a message: 500 of 1 KB make half a megabyte.
BATCH_ROWS = 500

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def spool_partitions(rows: Iterator[Row], partition_rows: int, folder: Path) -> Iterator[Path]:
    """Write the rows, which come in order, to a file a partition; yields each file when it is whole."""
    number = 0
    row = next(rows, None)
    while row is not None:
        path = folder / f"{number}.rows"
        with path.open("wb") as file:
            batch = [row]
            while (row := next(rows, None)) is not None and not starts_partition(row.id, partition_rows):
                batch.append(row)
                if len(batch) == BATCH_ROWS:
                    _write(file, batch)
                    batch = []
            _write(file, batch)
        yield path
        number += 1


def read_spool(path: Path) -> Iterator[Row]:
    """The rows of one partition, in order."""
    with path.open("rb") as file:
        while size := file.read(8):
            yield from map(Row._make, _decode(file.read(int.from_bytes(size, "big"))))


def _write(file: IO[bytes], batch: list[Row]) -> None:
    message = _encode(batch)
    file.write(len(message).to_bytes(8, "big"))
    file.write(message)
