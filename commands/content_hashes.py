"""The hashes by which a takedown list may name a trace's content, also in partitions that an older version made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stages.runtime.partitioned import read_chunks, read_rows
from traces.model import content_hash

_TEXTS = ["prompt", "steps", "final_answer"]


def read_contents(path: Path) -> Iterator[tuple[str, set[str]]]:
    """The id of each trace in a partition of data/traces/, with the hashes of its content.

    A trace whose steps do not lie in the order of `i` in the store has two: of the content as stored and in order.
    Partitions without the column `stored_sha256` hold the steps as stored, and the hash of that.
    """
    if "stored_sha256" in pq.read_schema(path).names:
        for trace_id, *hashes in read_rows(path, ["id", "content_sha256", "stored_sha256"]):
            yield trace_id, set(filter(None, hashes))
        return
    for batch in read_chunks(path, ["id", "content_sha256", *_TEXTS]):
        for row in batch.to_pylist():
            yield row["id"], {row["content_sha256"], _in_order(row)}


def _in_order(row: dict[str, Any]) -> str:
    contents = [step["content"] for step in sorted(row["steps"], key=lambda step: int(step["i"]))]
    return content_hash(row["prompt"], contents, row["final_answer"])
