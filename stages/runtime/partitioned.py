"""The folders of Parquet partitions between the stages, and how they are written and read.

Every partition has the same file name in each folder, `PARTITION.parquet`, and its rows are in
(created_at, id) order. Files are written a chunk at a time, each a row group, and read by row group, so memory does
not grow with a partition. Where chunks end follows from the rows, so equal rows give equal bytes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from traces.batches import batches, text_bytes
from traces.errors import TracesError, machine_fault, one_line

T = TypeVar("T")

CHUNK_ROWS = 4096


def make_schema(columns: list[tuple[str, pa.DataType]]) -> pa.Schema:
    """A schema of named columns."""
    return pa.schema(columns)


STEP = pa.struct([pa.field("i", pa.int64()), pa.field("type", pa.string()), pa.field("content", pa.string())])
TRACES_SCHEMA = make_schema(
    [
        ("id", pa.string()),
        ("created_us", pa.int64()),  # microseconds since 1970, UTC
        ("trace_version", pa.string()),
        ("prompt", pa.string()),
        ("steps", pa.list_(STEP)),
        ("final_answer", pa.string()),
        ("meta", pa.string()),  # canonical JSON: an object, or `null`
        ("content_sha256", pa.string()),  # over prompt, steps' contents in order and answer: equal for duplicates
        ("stored_sha256", pa.string()),  # the same with the steps as stored; null if they are stored in order
        ("prompt_key", pa.uint64()),  # equal for prompts that are equal at the level canonical of traces/texts.py
        ("answer_key", pa.uint64()),  # likewise for final answers
    ]
)
# Columns of few values.
REPEATING = ("trace_version", "split", "steps.list.element.type", "steps.list.element.i")

SELECTION_SCHEMA = make_schema([("id", pa.string()), ("split", pa.string())])
SCORES_SCHEMA = make_schema([("id", pa.string()), ("score", pa.float64())])
RENDERED_SCHEMA = make_schema([("id", pa.string()), ("prompt", pa.string()), ("completion", pa.string())])
# By the chosen trace's partition; `completion` is the rejected one's.
PAIRS_SCHEMA = make_schema([("id", pa.string()), ("rejected_id", pa.string()), ("completion", pa.string())])


def partition_names(folder: Path) -> list[str]:
    """The partitions in a folder, in order. A hidden file is none: macOS leaves `._NAME` beside a file."""
    return sorted(path.stem for path in folder.glob("[!.]*.parquet"))


def partition_path(folder: Path, name: str) -> Path:
    """Where a folder holds a partition."""
    return folder / f"{name}.parquet"


def write_partition(path: Path, schema: pa.Schema, rows: Iterable[tuple[Any, ...]]) -> int:
    """Write rows, tuples in the schema's order, and return their count. Without rows there is no file."""
    written = chunks(rows, _bytes_of)
    return write_batches(path, schema, (batch_of(schema, zip(*chunk, strict=True)) for chunk in written))


def chunks(rows: Iterable[T], size: Callable[[T], int] = lambda _: 0) -> Iterator[list[T]]:
    """The rows as they are written: `CHUNK_ROWS` at a time, fewer where they are large. `size` is a row's, in bytes."""
    return batches(rows, CHUNK_ROWS, size)


def _bytes_of(value: Any) -> int:
    """How many bytes the texts in a row or a value have."""
    if isinstance(value, str):
        return text_bytes(value)
    if isinstance(value, dict):
        return sum(map(_bytes_of, value.values()))
    return sum(map(_bytes_of, value)) if isinstance(value, list | tuple) else 0


def batch_of(schema: pa.Schema, columns: Iterable[Sequence[Any] | pa.Array[Any]]) -> pa.RecordBatch:
    """A batch of columns, in the schema's order."""
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.record_batch(arrays, schema=schema)


def write_batches(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write batches of `chunks` and return the count of their rows. Without rows there is no file."""
    count = 0
    writer: pq.ParquetWriter | None = None
    try:
        for batch in batches:
            # A dictionary helps only where values repeat, and is costly to find that out.
            repeating: Any = [name for name in REPEATING if name.partition(".")[0] in schema.names]
            writer = writer or pq.ParquetWriter(
                path,
                schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=repeating,
                write_statistics=False,
            )
            writer.write_batch(batch)
            count += batch.num_rows
    finally:
        if writer is not None:
            writer.close()
    return count


def read_chunks(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """The chunks of a partition, their columns in the order of `columns`; a missing file has none."""
    if not path.exists():
        return
    try:
        with pq.ParquetFile(path) as file:
            # A batch of several row groups would be as large as they are together. Threads of Arrow's own each keep
            # what they once held, and there is a worker a core.
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(CHUNK_ROWS, row_groups=[group], columns=columns, use_threads=False):
                    yield batch.select(columns)
    except (pa.ArrowException, OSError) as error:
        if machine_fault(error):
            raise
        raise TracesError(f"{path}: damaged ({one_line(str(error), 120)}); `dvc repro` makes it anew") from None


def read_rows(path: Path, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """Rows of a partition as tuples in the order of `columns`; `steps` as the list of their contents."""
    for batch in read_chunks(path, columns):
        yield from zip(*rows_of(batch), strict=True)


def rows_of(batch: pa.RecordBatch) -> list[list[Any]]:
    """The batch's columns, their values as Python has them."""
    return [values(column) for column in batch.columns]


def values(column: Any) -> list[Any]:
    """A column's values; `steps` as the list of their contents."""
    if not pa.types.is_list(column.type):
        values: list[Any] = column.to_pylist()
        return values
    # Contents as one flat list, then cut: several times faster than a dict a step.
    contents = column.flatten().field("content").to_pylist()
    offsets = column.offsets.to_pylist()
    first = offsets[0]
    return [contents[a - first : b - first] for a, b in itertools.pairwise(offsets)]
