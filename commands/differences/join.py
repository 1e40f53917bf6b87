"""The rows of two versions joined by id: what was added, removed, changed, and in which fields. Larger than memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

import msgspec

from commands.differences.records import Group, count_records, write_rows
from commands.differences.shards import Shard, Shards
from stages.runtime.database import open_database
from stages.runtime.executor import open_workers
from stages.runtime.keys import id_text
from stages.runtime.progress import progress
from traces.files import scratch_folder
from training.formats import FORMATS

ADDED, REMOVED, CHANGED, SAME = "added", "removed", "changed", "same"
_FETCHED = 4096
_OPEN_FILES = 64
# In the order of the new version, what is gone from it last.
_JOINED = """
    SELECT a.id_high IS NULL, b.id_high IS NULL, coalesce(b.format, a.format),
        coalesce(b.id_high, a.id_high), coalesce(b.id_low, a.id_low),
        coalesce(b.split, a.split), coalesce(b.source, a.source), coalesce(b.game, a.game),
        a.split, a.line = b.line, a.shard, a."offset", a.size, b.shard, b."offset", b.size
    FROM before a FULL OUTER JOIN after b
        ON a.format = b.format AND a.id_high = b.id_high AND a.id_low = b.id_low
    ORDER BY b.shard NULLS LAST, b."offset", a.shard, a."offset"
"""
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Change(NamedTuple):
    """What became of one record: `fields` are those that differ, where it changed."""

    kind: str
    group: Group
    trace_id: str
    fields: tuple[str, ...] = ()


@dataclass
class Counts:
    """How many records of each group came to what, and in how many each field differs, by format."""

    records: dict[str, Counter[Group]] = field(default_factory=dict)
    fields: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, change: Change) -> None:
        self.records.setdefault(change.kind, Counter())[change.group] += 1
        if change.fields:
            self.fields.setdefault(change.group.format_name, Counter()).update(change.fields)


def compare_records(shards: Shards, tell: Callable[[Change], None] | None = None) -> Counts:
    """Compare all records; `tell` is called with each that is not the same, in the order of the new version."""
    counts = Counts({SAME: Counter()})
    sides = (("before", shards.before), ("after", shards.after))
    total = len(shards.before) + len(shards.after) + len(shards.both)
    with scratch_folder("diff") as scratch, open_workers(total) as workers:
        for name, held in sides:
            (scratch / name).mkdir()
            for _ in progress(
                workers.map(partial(write_rows, folder=scratch / name), enumerate(held)), len(held), name
            ):
                pass
        for found in progress(workers.map(count_records, shards.both), len(shards.both), "unchanged"):
            counts.records[SAME] += found
        for change in _changes(scratch, shards):
            counts.add(change)
            if tell is not None and change.kind != SAME:
                tell(change)
    return counts


def _changes(scratch: Path, shards: Shards) -> Iterator[Change]:
    with open_database(scratch) as database, _Lines() as lines:
        for name in ("before", "after"):
            files = sorted(str(path) for path in (scratch / name).glob("*.parquet"))
            if files:
                database.read_parquet(files).create_view(name)
            else:
                database.execute(f"CREATE VIEW {name} AS {_NOTHING}")
        result = database.execute(_JOINED)
        while rows := result.fetchmany(_FETCHED):
            for row in rows:
                yield _change(row, shards, lines)


# The columns of a version without a row.
_NOTHING = """
    SELECT NULL::TINYINT format, NULL::UBIGINT id_high, NULL::UBIGINT id_low, NULL::INT shard, NULL::BIGINT "offset",
        NULL::INT size, NULL::UBIGINT line, NULL split, NULL source, NULL game WHERE false
"""


def _change(row: tuple[Any, ...], shards: Shards, lines: _Lines) -> Change:
    added, removed, number, high, low, split, source, game, old_split, equal, *places = row
    group = Group(list(FORMATS)[number], split, source, game)
    trace_id = id_text(high, low)
    if added or removed:
        return Change(ADDED if added else REMOVED, group, trace_id)
    moved = ("split",) if old_split != split else ()
    if equal:
        return Change(CHANGED if moved else SAME, group, trace_id, moved)
    a_shard, a_offset, a_size, b_shard, b_offset, b_size = places
    old = _decode(lines.read(shards.before[a_shard], a_offset, a_size))
    new = _decode(lines.read(shards.after[b_shard], b_offset, b_size))
    differ = (key for key in {**new, **old} if bytes(old.get(key, b"")) != bytes(new.get(key, b"")))
    return Change(CHANGED, group, trace_id, (*moved, *differ))


class _Lines:
    """Lines of shards by their places. Rows come in the order of the files, so a few are kept open."""

    def __init__(self) -> None:
        self._open: dict[Path, BinaryIO] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._open.values():
            file.close()

    def read(self, shard: Shard, offset: int, size: int) -> bytes:
        file = self._open.get(shard.path)
        if file is None:
            if len(self._open) >= _OPEN_FILES:
                self._open.pop(next(iter(self._open))).close()
            file = self._open[shard.path] = shard.path.open("rb")
        file.seek(offset)
        return file.read(size)
