"""Parquet twins of the exported shards: the same records, as columns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from stages.runtime.partitioned import write_partition
from training.formats.columns import COLUMNS, hugging_face_metadata

_MESSAGE = pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])
_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "strings": pa.list_(pa.string()),
    "messages": pa.list_(_MESSAGE),
    "json": pa.json_(pa.string()),  # text to any reader, and marked as JSON for those that know
}


def twin_path(twins: Path, format_name: str, shard: Path) -> Path:
    """Where a shard's twin lies, within the folder of all twins."""
    return twins / format_name / f"{shard.stem}.parquet"


def write_twin(shard: Path, format_name: str, twin: Path) -> None:
    """Write the records of `shard` as Parquet. Equal shards have equal twins, byte for byte."""
    twin.parent.mkdir(parents=True, exist_ok=True)
    write_partition(twin, twin_schema(format_name), _rows(shard, format_name))


@cache
def twin_schema(format_name: str) -> pa.Schema:
    """A format's columns, with what `datasets` needs to read `metadata` as the object that it is."""
    fields = [pa.field(name, _TYPES[kind]) for name, kind in COLUMNS[format_name].items()]
    return pa.schema(fields, metadata={"huggingface": hugging_face_metadata(format_name)})


def _rows(shard: Path, format_name: str) -> Iterator[tuple[Any, ...]]:
    kinds = COLUMNS[format_name].items()
    # JSON columns as the text that the shard has, so that no digit of a number is lost.
    record = msgspec.defstruct("Record", [(name, msgspec.Raw if kind == "json" else Any) for name, kind in kinds])
    decode = msgspec.json.Decoder(record).decode
    with shard.open("rb") as lines:
        for line in lines:
            held = decode(line)
            yield tuple(
                bytes(getattr(held, name)).decode() if kind == "json" else getattr(held, name) for name, kind in kinds
            )
