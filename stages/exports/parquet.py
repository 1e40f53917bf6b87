"""The Parquet copies of the exported shards: the same records, as columns that say their type.

Parquet declares text as text, so a reader has nothing to guess: dates, numbers and `null` in a text stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Sized
from functools import cache
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from stages.runtime.partitioned import chunks, write_batches
from training.formats.columns import columns_of

_MESSAGE = pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])
_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "strings": pa.list_(pa.string()),
    "messages": pa.list_(_MESSAGE),
    "json": pa.string(),  # not Arrow's JSON type, which readers decode each in their own way, numbers included
}
_DECODED: dict[str, Any] = {
    "string": str,
    "int64": int,
    "strings": list[str],
    "messages": list[dict[str, str]],
    "json": msgspec.Raw,
}


def write_parquet(shard: Path, format_name: str, target: Path, extra: tuple[str, ...] = ()) -> None:
    """Write the records of the JSON Lines file `shard` to the Parquet file `target`, in the same order.

    `extra` are the columns that params add to `tunix_grpo`. Equal shards give equal bytes. A shard without records
    gives no file: pyarrow would write an empty row group, which makes `datasets` fail on every other file next to it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with shard.open("rb") as lines:
        batches = (_batch(chunk, format_name, extra) for chunk in chunks(lines, len))
        write_batches(target, parquet_schema(format_name, extra), batches)


@cache
def parquet_schema(format_name: str, extra: tuple[str, ...] = ()) -> pa.Schema:
    """The columns of a format's Parquet copies."""
    return pa.schema([pa.field(name, _TYPES[kind]) for name, kind in columns_of(format_name, extra).items()])


def _batch(lines: list[bytes], format_name: str, extra: tuple[str, ...]) -> pa.RecordBatch:
    """The records of some lines as columns."""
    decode_lines, values = _decoder(format_name, extra)
    columns = zip(*map(values, decode_lines(b"".join(lines))), strict=True)
    kinds = columns_of(format_name, extra).values()
    arrays = [_ARRAYS[kind](column) for column, kind in zip(columns, kinds, strict=True)]
    return pa.record_batch(arrays, schema=parquet_schema(format_name, extra))


# The arrays are made of buffers: `pa.array` of Python values imports pandas where that is installed, which takes more
# than a second in every worker.
def _texts(values: Iterable[str]) -> pa.Array[Any]:
    return _bytes([value.encode() for value in values])


def _bytes(values: Sequence[bytes]) -> pa.Array[Any]:
    """Texts of their UTF-8. A JSON column is the text that the shard has, so that each number keeps its digits."""
    buffers = [None, _offsets(values), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def _numbers(values: Sequence[int]) -> pa.Array[Any]:
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(np.array(values, np.int64).tobytes())])


def _text_lists(values: Sequence[list[str]]) -> pa.Array[Any]:
    return _lists(values, _texts(chain.from_iterable(values)))


def _messages(values: Sequence[list[dict[str, str]]]) -> pa.Array[Any]:
    flat = list(chain.from_iterable(values))
    parts = [_texts(message[name] for message in flat) for name in ("role", "content")]
    return _lists(values, pa.StructArray.from_arrays(parts, fields=list(_MESSAGE)))


def _lists(values: Sequence[Sized], flat: pa.Array[Any]) -> pa.Array[Any]:
    offsets: Any = pa.Array.from_buffers(pa.int32(), len(values) + 1, [None, _offsets(values)])
    return pa.ListArray.from_arrays(offsets, flat)


def _offsets(values: Sequence[Sized]) -> pa.Buffer:
    """Where each value begins if they lie end to end, and where the last one ends.

    32 bits suffice: a batch ends with the record that takes it over 8 MB, and `data/traces/` can hold none of 2 GB.
    """
    return pa.py_buffer(np.cumsum([0, *map(len, values)], dtype=np.int32).tobytes())


_ARRAYS: dict[str, Callable[[Any], pa.Array[Any]]] = {
    "string": _texts,
    "int64": _numbers,
    "strings": _text_lists,
    "messages": _messages,
    "json": lambda values: _bytes(list(map(bytes, values))),
}


@cache
def _decoder(
    format_name: str, extra: tuple[str, ...]
) -> tuple[Callable[[bytes], list[Any]], attrgetter[tuple[Any, ...]]]:
    """What decodes lines of a format to records, and what takes a record's values in the order of the columns."""
    kinds = columns_of(format_name, extra)
    # By number, since not every column has a name that a class can have: Python changes `__name`, and has `__dict__`.
    columns = {f"column_{number}": name for number, name in enumerate(kinds)}
    fields = [(column, _DECODED[kind]) for column, kind in zip(columns, kinds.values(), strict=True)]
    record = msgspec.defstruct("Record", fields, rename=columns)
    return msgspec.json.Decoder(record).decode_lines, attrgetter(*columns)
