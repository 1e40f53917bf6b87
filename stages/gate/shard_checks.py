"""The gate's work on one partition: every exported record made again, compared, and held to its schema."""

from __future__ import annotations

import filecmp
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import msgspec

from stages.exports.parquet import write_parquet
from stages.gate.faults import Faults
from stages.params.models import Params
from stages.paths import EXPORT, PARQUET, RENDERED, SPLITS, parquet_path, shard_name
from stages.runtime.partitioned import RENDERED_SCHEMA, partition_path, read_rows, rows_of
from stages.schemas import fast_validator, load_schema
from stages.selected import Member, render_members, rendered_batches, with_rejected
from stages.statistics import Statistics
from traces.errors import one_line
from traces.files import read_piece, scratch_folder
from training.formats import TEXT_FAULTS, ColumnCounts, format_lines
from training.formats.columns import COLUMNS
from training.templates import Template, load_template

LONG_NUMBER = "has a number in metadata with more digits than a float keeps"
_LARGEST = sys.float_info.max


class _Record(msgspec.Struct):
    id: str


_decode_record = msgspec.json.Decoder(_Record).decode


class _Numbers:
    """Decodes records, numbers as floats, and notices a fraction that a float does not keep."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(float_hook=self._number).decode
        self._rounded = False

    def decode(self, line: bytes) -> tuple[Any, bool]:
        """The record in `line`, and whether one of its fractions was rounded.

        Raises:
            msgspec.DecodeError: the line is no JSON.
        """
        self._rounded = False
        return self._decode(line), self._rounded

    def _number(self, text: str) -> float:
        value = float(text)
        # Up to 15 digits always come back. Whole numbers do at any length: JSON parsers in Python make them ints.
        if len(text) > sys.float_info.dig and "." in text and Decimal(repr(value)) != Decimal(text):
            self._rounded = True
        return max(-_LARGEST, min(value, _LARGEST))  # no schema asks how large a number is


_decode = _Numbers().decode


@dataclass
class PartitionChecks:
    """The results for one partition: faults, notes, the number of records by format, its traces' statistics, and
    what the columns of its records lack.

    A note names a trace whose records are right, but need care when they are read.
    """

    faults: Faults = field(default_factory=Faults)
    notes: Faults = field(default_factory=Faults)
    records: Counter[str] = field(default_factory=Counter)
    statistics: Statistics = field(default_factory=Statistics)
    columns: ColumnCounts = field(default_factory=ColumnCounts)


def check_partition(name: str, params: Params, pairs: Path) -> PartitionChecks:
    """Check every shard of a partition, against the `pairs` that pairing again gives."""
    checks = PartitionChecks()
    with checks.faults.guard(name):
        _check_shards(name, params, checks, pairs)
    return checks


@dataclass
class _Shard:
    """A shard as it is checked: the lines that it has, how many were read, and whether all are as they must be.

    `notes`: whether what is noted of its records is kept. It is for one format only, since all have the same metadata.
    """

    format_name: str
    split: str
    validator: jsonschema_rs.Draft202012Validator
    path: Path
    lines: Iterator[bytes]
    notes: bool
    read: int = 0
    matched: bool = True


def check_lines(name: str, params: Params, statistics: Statistics, columns: ColumnCounts) -> PartitionChecks:
    """Hold every record of a partition, known to be what its trace gives, to its schema and its template."""
    checks = PartitionChecks(statistics=statistics, columns=columns)
    template = load_template(params.render.template)
    with checks.faults.guard(name):
        for shards in _open_shards(name, params).values():
            for shard in shards:
                for line in shard.lines:
                    _check_line(line, shard, template, checks)
                checks.records[shard.format_name] += shard.read
    return checks


def _open_shards(name: str, params: Params) -> dict[str, list[_Shard]]:
    """A partition's shards by split."""
    shards: dict[str, list[_Shard]] = {split: [] for split in SPLITS}
    with_metadata = [name for name in params.export.formats if "metadata" in COLUMNS[name]]
    for format_name in params.export.formats:
        notes = format_name in with_metadata[:1]
        validator = fast_validator(load_schema(f"export/{format_name}"))
        for split in SPLITS:
            path = EXPORT / format_name / shard_name(split, name)
            shards[split].append(_Shard(format_name, split, validator, path, shard_lines(path), notes))
    return shards


def _check_shards(name: str, params: Params, checks: PartitionChecks, pairs: Path) -> None:
    template = load_template(params.render.template)
    shards = _open_shards(name, params)
    lines = format_lines(params.export.formats, params.export.columns, checks.columns)
    _check_texts(name, params, template, checks)
    for split, trace in _members(name, params, template, pairs):
        for shard in shards[split]:
            wanted = lines[shard.format_name](trace, template)
            if not wanted:
                continue
            line = next(shard.lines, None)
            shard.matched = shard.matched and line == wanted
            if line is not None:
                _check_line(line, shard, template, checks)
    for split in SPLITS:
        for shard in shards[split]:
            for line in shard.lines:
                shard.matched = False
                _check_line(line, shard, template, checks)
            checks.records[shard.format_name] += shard.read
            if shard.path.exists():
                _check_parquet(shard, params, checks.faults)
            if not shard.matched:
                members_again = _members(name, params, template, pairs)
                _explain(shard.path, _expected(members_again, shard, params, template), checks.faults)


def _check_texts(name: str, params: Params, template: Template, checks: PartitionChecks) -> None:
    """A partition's texts are what rendering its traces again gives; measures both."""
    held = read_rows(partition_path(RENDERED, name), RENDERED_SCHEMA.names)
    for _, traces, texts in rendered_batches(name, template, params.render.system):
        checks.statistics.merge(Statistics.of(traces, texts))
        for wanted in zip(*rows_of(texts), strict=True):
            if next(held, None) != wanted:
                what = "not what rendering its trace again gives"
                checks.faults.add("content", f"{RENDERED}/{name}, id {wanted[0]}", what)


def _check_parquet(shard: _Shard, params: Params, faults: Faults) -> None:
    """The shard's Parquet copy exists, and has the bytes that writing it again from the shard gives."""
    held = parquet_path(PARQUET, shard.format_name, shard.path)
    with faults.guard(held.as_posix()), scratch_folder("parquet") as scratch:
        again = scratch / held.name
        write_parquet(shard.path, shard.format_name, again, tuple(params.export.columns))
        if not held.exists() or not filecmp.cmp(held, again, shallow=False):
            faults.add("content", held.as_posix(), f"not a copy of {shard.path.as_posix()}")


def shard_lines(path: Path) -> Iterator[bytes]:
    """The lines of a shard; none where there is no file."""
    if path.exists():
        with path.open("rb") as file:
            yield from file


def _members(name: str, params: Params, template: Template, pairs: Path) -> Iterator[Member]:
    """The selected traces of a partition, made again from data/traces/ and data/selection/."""
    return with_rejected(render_members(name, template, params.render.system), name, pairs)


def _expected(members: Iterator[Member], shard: _Shard, params: Params, template: Template) -> Iterator[bytes]:
    """The lines that the shard must have."""
    line = format_lines([shard.format_name], params.export.columns)[shard.format_name]
    lines = (line(trace, template) for split, trace in members if split == shard.split)
    return filter(None, lines)


def _check_line(line: bytes, shard: _Shard, template: Template, checks: PartitionChecks) -> None:
    """Hold one record to its schema, its turns and texts to the template, and note a number that floats do not keep."""
    shard.read += 1
    try:
        value, rounded = _decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        checks.faults.add("schema", f"{shard.path.as_posix()}, line {shard.read}", f"not a record: {error}")
        return
    if not shard.validator.is_valid(value):
        fault = next(shard.validator.iter_errors(value))
        kind, what = "schema", f"{'/'.join(map(str, fault.instance_path)) or 'record'}: {fault.message}"
    elif shard.format_name in TEXT_FAULTS and (found := TEXT_FAULTS[shard.format_name](value, template)):
        kind, what = "turns", found
    else:
        if rounded and shard.notes:
            checks.notes.add("digits", f"id {record_id(line)}", LONG_NUMBER)
        return
    checks.faults.add(kind, f"{shard.path.as_posix()}, line {shard.read}, id {record_id(line)}", what)


class _Place(NamedTuple):
    """Where a shard has a line: its number, and its bytes."""

    number: int
    first: int
    size: int


def _explain(path: Path, expected: Iterator[bytes], faults: Faults) -> None:
    """Name each record of a shard that differs from what it must be. Only for a shard that does."""
    where = path.as_posix()
    found: dict[str, _Place] = {}  # not the lines: a shard has no upper size
    held, order, first = [], [], 0
    for number, line in enumerate(shard_lines(path), 1):
        trace_id = record_id(line)
        if trace_id in found:
            faults.add("ids", f"{where}, line {number}", f"id {trace_id} stands in this shard twice")
        held.append(trace_id)
        found[trace_id] = _Place(number, first, len(line))
        first += len(line)
    for wanted in expected:
        trace_id = record_id(wanted)
        order.append(trace_id)
        place = found.pop(trace_id, None)
        if place is None:
            faults.add("selection", where, f"id {trace_id} is selected but not here")
        elif (line := read_piece(path, place.first, place.size)) != wanted:
            faults.add("content", f"{where}, line {place.number}, id {trace_id}", _difference(line, wanted))
    for trace_id, place in found.items():
        faults.add(
            "selection", f"{where}, line {place.number}", f"id {one_line(trace_id, 60)} is not selected for this shard"
        )
    if not found and held != order:
        faults.add("order", where, "the records are not in (created_at, id) order")


def record_id(line: bytes) -> str:
    """The id of a record, or what stands there instead of one."""
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
