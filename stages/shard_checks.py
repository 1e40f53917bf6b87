"""The gate's work on one partition: every exported record made again, compared, and held to its schema."""

from __future__ import annotations

import filecmp
import hashlib
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pyarrow as pa

from stages.faults import Faults
from stages.filters import filterable
from stages.keys import HALF, halves, id_halves
from stages.params import Params, Split
from stages.partitioned import make_schema, partition_path, read_rows, write_partition
from stages.paths import EXPORT, RENDERED, SPLITS, TRACES, TWINS, shard_name
from stages.schemas import fast_validator, load_schema
from stages.selected import Member, render_members, with_rejected
from stages.splits import group_of
from stages.statistics import Statistics
from stages.twins import write_twin
from traces.errors import one_line
from traces.ids import is_id
from traces.times import to_iso
from training.formats import FORMATS, TURN_FAULTS
from training.templates import Template, load_template

# What the gate must know of all records at once, and so gathers in narrow files.
RECORD_SCHEMA = make_schema(
    [
        ("format", pa.int8()),  # counted as in params
        ("id_high", HALF),
        ("id_low", HALF),
        ("split", pa.int8()),  # counted as in SPLITS
        ("group_high", HALF),  # of a hash of the group; null for a trace that stands alone
        ("group_low", HALF),
    ]
)


_LARGEST = sys.float_info.max


class _Record(msgspec.Struct):
    id: str


_decode_record = msgspec.json.Decoder(_Record).decode
# A number may have more digits than a float has room for; no schema asks how large one is.
_decode = msgspec.json.Decoder(float_hook=lambda text: max(-_LARGEST, min(float(text), _LARGEST))).decode


@dataclass
class PartitionChecks:
    """What came of one partition: its faults, how many records each format has, and its traces' statistics."""

    faults: Faults = field(default_factory=Faults)
    records: Counter[str] = field(default_factory=Counter)
    statistics: Statistics = field(default_factory=Statistics)


def check_partition(name: str, params: Params, scratch: Path, pairs: Path) -> PartitionChecks:
    """Check every shard of a partition; what must be known of all records at once goes to `scratch`.

    `pairs` are those that pairing again gives.
    """
    checks = PartitionChecks()
    path = partition_path(scratch, name)
    with checks.faults.guard(name):
        try:
            write_partition(path, RECORD_SCHEMA, _check_shards(name, params, checks, pairs))
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return checks


@dataclass
class _Shard:
    """A shard as it is checked: the lines that it has, how many were read, and whether all are as they must be."""

    number: int  # of its format, counted as in params
    format_name: str
    split: str
    validator: jsonschema_rs.Draft202012Validator
    path: Path
    lines: Iterator[bytes]
    read: int = 0
    matched: bool = True


def _check_shards(name: str, params: Params, checks: PartitionChecks, pairs: Path) -> Iterator[tuple[int | None, ...]]:
    template = load_template(params.render.template)
    shards: dict[str, list[_Shard]] = {split: [] for split in SPLITS}
    for number, format_name in enumerate(params.export.formats):
        validator = fast_validator(load_schema(f"export/{format_name}"))
        for split in SPLITS:
            path = EXPORT / format_name / shard_name(split, name)
            shards[split].append(_Shard(number, format_name, split, validator, path, _lines(path)))
    groups = _Groups(name, params.split)

    def check(shard: _Shard, line: bytes) -> Iterator[tuple[int | None, ...]]:
        shard.read += 1
        checks.records[shard.format_name] += 1
        trace_id = _check_line(line, shard, template, checks.faults)
        if trace_id is not None:
            yield shard.number, *id_halves(trace_id), SPLITS.index(shard.split), *groups.of(trace_id)

    texts = read_rows(partition_path(RENDERED, name), ["id", "prompt", "completion"])
    for split, trace in _members(name, params, template, pairs):
        if next(texts, None) != (trace.id, *trace.rendered):
            checks.faults.add(
                "content", f"{RENDERED}/{name}, id {trace.id}", "not what rendering its trace again gives"
            )
        meta = filterable(trace.meta or "null", trace.created_at, trace.trace_version)
        checks.statistics.add(trace, meta)
        groups.know(trace.id, meta)
        for shard in shards[split]:
            wanted = FORMATS[shard.format_name](trace, template)
            if not wanted:
                continue
            line = next(shard.lines, None)
            shard.matched = shard.matched and line == wanted
            if line is not None:
                yield from check(shard, line)
    for split in SPLITS:
        for shard in shards[split]:
            for line in shard.lines:
                shard.matched = False
                yield from check(shard, line)
            if params.export.parquet and shard.path.exists():
                _check_twin(shard, checks.faults)
            if not shard.matched:
                members = _members(name, params, template, pairs)
                _explain(shard.path, list(_lines(shard.path)), _expected(members, shard, template), checks.faults)


def _check_twin(shard: _Shard, faults: Faults) -> None:
    """The shard's Parquet twin is what making it again gives."""
    twin = TWINS / shard.format_name / f"{shard.path.stem}.parquet"
    with faults.guard(twin.as_posix()), tempfile.TemporaryDirectory(prefix="validate-") as scratch:
        again = Path(scratch) / twin.name
        write_twin(shard.path, shard.format_name, again)
        if not twin.exists() or not filecmp.cmp(twin, again, shallow=False):
            faults.add("content", twin.as_posix(), f"not the records of {shard.path.as_posix()}")


class _Groups:
    """The groups of a partition's traces, as keys: not every format's records say theirs."""

    def __init__(self, name: str, split: Split) -> None:
        self.name, self.split = name, split
        self.latest: tuple[str, tuple[int | None, int | None]] = ("", (None, None))
        self.others: dict[str, tuple[int | None, int | None]] | None = None

    def know(self, trace_id: str, meta: dict[str, Any]) -> None:
        """Take note of the trace whose records come next, where all is as it must be."""
        self.latest = trace_id, self._key(meta)

    def of(self, trace_id: str) -> tuple[int | None, int | None]:
        """A trace's group; two nulls for one that stands alone, or is not of this partition."""
        if trace_id == self.latest[0]:
            return self.latest[1]
        if self.others is None:
            rows = read_rows(partition_path(TRACES, self.name), ["id", "meta", "created_us", "trace_version"])
            self.others = {i: self._key(filterable(meta, to_iso(us), version)) for i, meta, us, version in rows}
        return self.others.get(trace_id, (None, None))

    def _key(self, meta: dict[str, Any]) -> tuple[int | None, int | None]:
        group = group_of(meta, self.split)
        return (None, None) if group is None else halves(hashlib.sha256(group.encode()).hexdigest())


def _lines(path: Path) -> Iterator[bytes]:
    if path.exists():
        with path.open("rb") as file:
            yield from file


def _members(name: str, params: Params, template: Template, pairs: Path) -> Iterator[Member]:
    """The selected traces of a partition, made again from data/traces/ and data/selection/."""
    return with_rejected(render_members(name, template, params.render.system), name, pairs)


def _expected(members: Iterator[Member], shard: _Shard, template: Template) -> Iterator[bytes]:
    """The lines that the shard must have."""
    lines = (FORMATS[shard.format_name](trace, template) for split, trace in members if split == shard.split)
    return filter(None, lines)


def _check_line(line: bytes, shard: _Shard, template: Template, faults: Faults) -> str | None:
    """Hold one record to its schema, and its turns to the template; its id, where it has one."""
    where = f"{shard.path.as_posix()}, line {shard.read}"
    try:
        value = _decode(line)
        trace_id = _decode_record(line).id
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        faults.add("schema", where, f"not a record: {error}")
        return None
    if not shard.validator.is_valid(value):
        fault = next(shard.validator.iter_errors(value))
        place = "/".join(map(str, fault.instance_path)) or "record"
        faults.add("schema", f"{where}, id {trace_id}", f"{place}: {fault.message}")
    elif shard.format_name in TURN_FAULTS and (what := TURN_FAULTS[shard.format_name](value, template)):
        faults.add("turns", f"{where}, id {trace_id}", what)
    return trace_id if is_id(trace_id) else None


def _explain(path: Path, lines: list[bytes], expected: Iterator[bytes], faults: Faults) -> None:
    """Name each record of a shard that differs from what it must be. Only for a shard that does."""
    where = path.as_posix()
    found: dict[str, tuple[int, bytes]] = {}
    for number, line in enumerate(lines, 1):
        trace_id = _id_of(line)
        if trace_id in found:
            faults.add("ids", f"{where}, line {number}", f"id {trace_id} stands in this shard twice")
        found[trace_id] = (number, line)
    order = []
    for wanted in expected:
        trace_id = _id_of(wanted)
        order.append(trace_id)
        number, line = found.pop(trace_id, (0, b""))
        if not line:
            faults.add("selection", where, f"id {trace_id} is selected but not here")
        elif line != wanted:
            faults.add("content", f"{where}, line {number}, id {trace_id}", _difference(line, wanted))
    for trace_id, (number, _) in found.items():
        faults.add(
            "selection", f"{where}, line {number}", f"id {one_line(trace_id, 60)} is not selected for this shard"
        )
    if not found and [_id_of(line) for line in lines] != order:
        faults.add("order", where, "the records are not in (created_at, id) order")


def _id_of(line: bytes) -> str:
    try:
        return _decode_record(line).id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return line.decode(errors="replace").strip()


def _difference(line: bytes, wanted: bytes) -> str:
    """In which fields a record differs from what rendering its trace again gives."""
    try:
        held, right = (msgspec.json.decode(text, type=dict[str, msgspec.Raw]) for text in (line, wanted))
    except (msgspec.DecodeError, UnicodeError):
        return "not what its trace gives"
    fields = [key for key in {**right, **held} if bytes(held.get(key, b"")) != bytes(right.get(key, b""))]
    return f"{', '.join(fields)}: not what its trace gives" if fields else "not written canonically"
