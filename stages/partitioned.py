"""The folders of Parquet partitions between the stages, and how they are written and read.

Every partition has the same file name in each folder, `PARTITION.parquet`, and its rows are in
(created_at, id) order. Files are read and written `CHUNK_ROWS` at a time, so memory does not grow with a
partition, and equal rows give equal bytes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from traces.errors import TracesError, one_line

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
        ("content_sha256", pa.string()),  # over prompt, steps' contents and answer: equal for duplicates
    ]
)
SELECTION_SCHEMA = make_schema([("id", pa.string()), ("split", pa.string())])
SCORES_SCHEMA = make_schema([("id", pa.string()), ("score", pa.float64())])
RENDERED_SCHEMA = make_schema([("id", pa.string()), ("prompt", pa.string()), ("completion", pa.string())])
# By the chosen trace's partition; `completion` is the rejected one's.
PAIRS_SCHEMA = make_schema([("id", pa.string()), ("rejected_id", pa.string()), ("completion", pa.string())])


def partition_names(folder: Path) -> list[str]:
    """The partitions in a folder, in order."""
    return sorted(path.stem for path in folder.glob("*.parquet"))


def partition_path(folder: Path, name: str) -> Path:
    """Where a folder holds a partition."""
    return folder / f"{name}.parquet"


def write_partition(path: Path, schema: pa.Schema, rows: Iterable[tuple[Any, ...]]) -> int:
    """Write rows, tuples in the schema's order, and return their count. Without rows there is no file."""
    count = 0
    writer: pq.ParquetWriter | None = None
    chunk: list[tuple[Any, ...]] = []
    try:
        for row in rows:
            chunk.append(row)
            if len(chunk) == CHUNK_ROWS:
                writer = _write_chunk(writer, path, schema, chunk)
                count += len(chunk)
                chunk = []
        if chunk:
            writer = _write_chunk(writer, path, schema, chunk)
            count += len(chunk)
    finally:
        if writer is not None:
            writer.close()
    return count


def _write_chunk(
    writer: pq.ParquetWriter | None, path: Path, schema: pa.Schema, rows: list[tuple[Any, ...]]
) -> pq.ParquetWriter:
    writer = writer or pq.ParquetWriter(path, schema, compression="zstd", compression_level=1)
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    writer.write_batch(pa.record_batch(arrays, schema=schema))
    return writer


def read_chunks(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Batches of a partition, in the order of `columns`; a missing file has none."""
    if not path.exists():
        return
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(CHUNK_ROWS, columns=columns):
                yield batch.select(columns)
    except (pa.ArrowException, OSError) as error:
        raise TracesError(f"{path}: damaged ({one_line(str(error), 120)}); `dvc repro` makes it anew") from None


def read_rows(path: Path, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """Rows of a partition as tuples in the order of `columns`; `steps` as the list of their contents."""
    for batch in read_chunks(path, columns):
        yield from zip(*(_values(batch.column(i)) for i in range(len(columns))), strict=True)


def _values(column: Any) -> list[Any]:
    if not pa.types.is_list(column.type):
        values: list[Any] = column.to_pylist()
        return values
    # Contents as one flat list, then cut: several times faster than a dict a step.
    contents = column.flatten().field("content").to_pylist()
    offsets = column.offsets.to_pylist()
    first = offsets[0]
    return [contents[a - first : b - first] for a, b in itertools.pairwise(offsets)]
