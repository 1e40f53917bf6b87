"""What only all exported records together show: an id that stands twice, an id or a group in two splits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from stages.gate.faults import Faults
from stages.gate.shard_checks import record_id, shard_lines
from stages.params.models import Params, Split
from stages.paths import EXPORT, SPLITS, TRACES, shard_name
from stages.runtime.database import open_database
from stages.runtime.executor import Workers
from stages.runtime.keys import HALF, id_halves, id_text
from stages.runtime.partitioned import batch_of, chunks, make_schema, partition_path, read_rows, write_batches
from stages.selection.filters import OURS, decode_meta, ours
from stages.selection.splits import group_key
from traces.ids import is_id

RECORD_SCHEMA = make_schema(
    [
        ("format", pa.int8()),  # counted as in params
        ("id_high", HALF),
        ("id_low", HALF),
        ("split", pa.int8()),  # counted as in SPLITS
        ("grouped", pa.uint64()),  # equal for traces of one group; null for an id that no trace has
    ]
)
# Records that are held against each other at once; ids and groups are cut by what they are, so none is missed.
SLICE_RECORDS = 1 << 20
_TWICE = """
    SELECT format, id_high, id_low FROM records WHERE id_low % $slices = $slice
    GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL
"""
_PARTED = """
    SELECT format, arg_min(struct_pack(high := id_high, low := id_low, split := split), split),
        arg_max(struct_pack(high := id_high, low := id_low, split := split), split)
    FROM records WHERE grouped % $slices = $slice
    GROUP BY format, grouped HAVING count(DISTINCT split) > 1 ORDER BY ALL
"""


def check_together(workers: Workers, names: list[str], params: Params, scratch: Path, faults: Faults) -> None:
    """Ids are unique in each format; no id and no group is in two splits."""
    scratch.mkdir()
    for found in workers.map(partial(gather_records, params=params, scratch=scratch), names):
        faults.merge(found)
    if not any(scratch.glob("*.parquet")):
        return
    formats = params.export.formats
    with open_database(scratch) as database:
        database.read_parquet(str(scratch / "*.parquet")).create_view("records")
        (count,) = database.execute("SELECT count(*) FROM records").fetchone() or (0,)
        slices = 1 + count // SLICE_RECORDS
        for part in ({"slices": slices, "slice": number} for number in range(slices)):
            for number, high, low in database.execute(_TWICE, part).fetchall():
                faults.add("ids", (EXPORT / formats[number]).as_posix(), f"id {id_text(high, low)} is exported twice")
            for number, *ends in database.execute(_PARTED, part).fetchall():
                one, other = (f"{SPLITS[end['split']]} (id {id_text(end['high'], end['low'])})" for end in ends)
                what = f"a group of `split.group_by` is in {one} and in {other}"
                faults.add("splits", (EXPORT / formats[number]).as_posix(), what)


def gather_records(name: str, params: Params, scratch: Path) -> Faults:
    """Write the keys of a partition's records to `scratch`, narrow as they are; the fault that prevents it."""
    faults = Faults()
    path = partition_path(scratch, name)
    with faults.guard(name):
        try:
            write_batches(path, RECORD_SCHEMA, map(_batch, chunks(_records(name, params))))
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return faults


_Record = tuple[int, str, int, int | None]


def _records(name: str, params: Params) -> Iterator[_Record]:
    groups = dict(_groups(name, params.split))
    for number, format_name in enumerate(params.export.formats):
        for place, split in enumerate(SPLITS):
            for line in shard_lines(EXPORT / format_name / shard_name(split, name)):
                trace_id = record_id(line)
                if is_id(trace_id):
                    yield number, trace_id, place, groups.get(trace_id)


def _groups(name: str, split: Split) -> Iterator[tuple[str, int]]:
    """The groups of a partition's traces: not every format's records say theirs."""
    asks_ours = not OURS.isdisjoint(split.group_by)
    columns = ["id", "created_us", "trace_version", "meta", "prompt_key"]
    for trace_id, us, version, meta, prompt in read_rows(partition_path(TRACES, name), columns):
        held = (decode_meta(meta) or {}) | (ours(us, version) if asks_ours else {})
        yield trace_id, group_key(held, prompt, split)


def _batch(records: list[_Record]) -> pa.RecordBatch:
    numbers, ids, splits, groups = zip(*records, strict=True)
    columns: list[Any] = [numbers, *id_halves(ids), splits, groups]
    return batch_of(RECORD_SCHEMA, columns)
