"""The gate's work on one partition: every exported record made again, compared, and held to its schema."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pyarrow as pa

from stages.faults import Faults
from stages.filters import decode_meta
from stages.keys import HALF, halves, id_halves
from stages.params import Params
from stages.partitioned import make_schema, partition_path, write_partition
from stages.paths import EXPORT, SPLITS, shard_name
from stages.schemas import fast_validator, load_schema
from stages.selected import render_members
from stages.splits import group_of
from traces.errors import one_line
from traces.ids import is_id
from training.formats import FORMATS
from training.renderers.tunix_sft import is_one_exchange
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


class _Record(msgspec.Struct):
    id: str
    metadata: msgspec.Raw


_decode_record = msgspec.json.Decoder(_Record).decode
_decode = msgspec.json.Decoder().decode


@dataclass
class PartitionChecks:
    """What came of one partition: its faults, and how many records each format has."""

    faults: Faults = field(default_factory=Faults)
    records: Counter[str] = field(default_factory=Counter)


def check_partition(name: str, params: Params, scratch: Path) -> PartitionChecks:
    """Check every shard of a partition; what must be known of all records at once goes to `scratch`."""
    checks = PartitionChecks()
    rows = _check_shards(name, params, checks)
    write_partition(partition_path(scratch, name), RECORD_SCHEMA, rows)
    return checks


def _check_shards(name: str, params: Params, checks: PartitionChecks) -> Iterator[tuple[int | None, ...]]:
    template = load_template(params.render.template)
    for format_number, format_name in enumerate(params.export.formats):
        validator = fast_validator(load_schema(f"export/{format_name}"))
        for split_number, split in enumerate(SPLITS):
            path = EXPORT / format_name / shard_name(split, name)
            expected = _expected(name, split, format_name, params, template)
            matched = True
            for number, (line, wanted) in enumerate(zip_longest(_lines(path), expected), 1):
                matched = matched and line == wanted
                if line is not None:
                    checks.records[format_name] += 1
                    row = _check_line(
                        line, f"{path.as_posix()}, line {number}", format_name, validator, template, checks.faults
                    )
                    if row is not None:
                        trace_id, meta = row
                        group = _group_halves(group_of(meta, params.split))
                        yield format_number, *id_halves(trace_id), split_number, *group
            if not matched:
                expected = _expected(name, split, format_name, params, template)
                _explain(path, list(_lines(path)), expected, checks.faults)


def _group_halves(group: str | None) -> tuple[int | None, int | None]:
    return (None, None) if group is None else halves(hashlib.sha256(group.encode()).hexdigest())


def _lines(path: Path) -> Iterator[bytes]:
    if path.exists():
        with path.open("rb") as file:
            yield from file


def _expected(name: str, split: str, format_name: str, params: Params, template: Template) -> Iterator[bytes]:
    """The lines that the shard must have, made again from data/traces/ and data/selection/."""
    for member_split, trace in render_members(name, template, params.render.system):
        if member_split == split:
            yield FORMATS[format_name](trace)


def _check_line(
    line: bytes,
    where: str,
    format_name: str,
    validator: jsonschema_rs.Draft202012Validator,
    template: Template,
    faults: Faults,
) -> tuple[str, dict[str, Any]] | None:
    """Hold one record to its schema; its id and metadata, where it has them."""
    try:
        value = _decode(line)
        record = _decode_record(line)
        meta = decode_meta(record.metadata) or {}
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        faults.add("schema", where, f"not a record: {error}")
        return None
    if not validator.is_valid(value):
        fault = next(validator.iter_errors(value))
        place = "/".join(map(str, fault.instance_path)) or "record"
        faults.add("schema", f"{where}, id {record.id}", f"{place}: {fault.message}")
    elif format_name == "tunix_sft":
        text, start = value["prompts"], value["completion_start"]
        if not is_one_exchange(text, template):
            faults.add("turns", f"{where}, id {record.id}", "not exactly one user and one model turn")
        elif not text[:start].endswith(template.model_open):
            faults.add(
                "turns", f"{where}, id {record.id}", f"completion_start {start} is not where the model's turn begins"
            )
    return (record.id, meta) if is_id(record.id) else None


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
