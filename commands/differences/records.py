"""Records as narrow rows: which one, where it lies, a hash of its line, and what it is counted by."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from commands.differences.shards import Shard
from stages.runtime.keys import HALF, id_halves
from stages.runtime.partitioned import batch_of, chunks, make_schema, write_batches
from training.formats import FORMATS

ROW_SCHEMA = make_schema(
    [
        ("format", pa.int8()),  # counted as in FORMATS
        ("id_high", HALF),
        ("id_low", HALF),
        ("shard", pa.int32()),  # counted as given
        ("offset", pa.int64()),  # of the line in it, in bytes
        ("size", pa.int32()),
        ("line", HALF),  # 64 bits of its blake2b
        ("split", pa.string()),
        ("source", pa.string()),
        ("game", pa.string()),
    ]
)
NONE = "(none)"


class _Metadata(msgspec.Struct):
    source: Any = None
    game: Any = None


class _Record(msgspec.Struct):
    id: str
    metadata: _Metadata | None = None
    game: Any = None  # of a format with flat columns


_decode = msgspec.json.Decoder(_Record).decode


class Group(NamedTuple):
    """What records are counted by."""

    format_name: str
    split: str
    source: str
    game: str


def count_records(shard: Shard) -> Counter[Group]:
    """How many records a shard has of each group."""
    with shard.path.open("rb") as lines:
        return Counter(_group(shard, _decode(line)) for line in lines)


def write_rows(item: tuple[int, Shard], folder: Path) -> int:
    """Write a row for each record of the shard with this number into `folder`; how many."""
    number, shard = item
    rows = chunks(_lines(shard))
    return write_batches(folder / f"{number}.parquet", ROW_SCHEMA, (_batch(number, shard, part) for part in rows))


def _lines(shard: Shard) -> Iterator[tuple[int, bytes]]:
    """The lines of a shard, each with its place."""
    offset = 0
    with shard.path.open("rb") as lines:
        for line in lines:
            yield offset, line
            offset += len(line)


def _batch(number: int, shard: Shard, part: list[tuple[int, bytes]]) -> pa.RecordBatch:
    records = [_decode(line) for _, line in part]
    groups = [_group(shard, record) for record in records]
    high, low = id_halves([record.id for record in records])
    return batch_of(
        ROW_SCHEMA,
        [
            [list(FORMATS).index(shard.format_name)] * len(part),
            pa.array(high),
            pa.array(low),
            [number] * len(part),
            [offset for offset, _ in part],
            [len(line) for _, line in part],
            [int.from_bytes(hashlib.blake2b(line, digest_size=8).digest(), "big") for _, line in part],
            [shard.split] * len(part),
            [group.source for group in groups],
            [group.game for group in groups],
        ],
    )


def _group(shard: Shard, record: _Record) -> Group:
    metadata = record.metadata or _Metadata()
    game = record.game if metadata.game is None else metadata.game
    return Group(shard.format_name, shard.split, _named(metadata.source), _named(game))


def _named(value: Any) -> str:
    return NONE if value is None or value == "" else str(value)
