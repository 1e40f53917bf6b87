"""With Hugging Face's `datasets`: load, map in batches, to_json, then validate.

`python -m benchmarks.contenders.huggingface URL FOLDER`
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from datasets import Dataset, Features, Json, Value

from benchmarks.contenders.records import record
from benchmarks.contenders.validation import validate

QUERY = "SELECT id::text, created_at, trace_version, payload::text FROM traces ORDER BY created_at, id"
PROCESSES = 2
FEATURES = Features(
    {
        "id": Value("string"),
        "prompts": Value("string"),
        "final_answer": Value("string"),
        "metadata": Json(),  # its keys differ from game to game
        "completion_start": Value("int64"),
    }
)


def rows(url: str) -> Iterator[dict[str, Any]]:
    """The rows of the store, by a server-side cursor. `Dataset.from_sql` took as long, and twice the memory."""
    with psycopg.connect(url) as connection, connection.cursor(name="traces") as cursor:
        cursor.itersize = 2000
        cursor.execute(QUERY)
        for row_id, created_at, version, payload in cursor:
            yield {"id": row_id, "created_at": created_at, "trace_version": version, "payload": payload}


def render(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The records of a batch, as columns."""
    columns: dict[str, list[Any]] = {name: [] for name in FEATURES}
    for row_id, created_at, version, text in zip(*(batch[name] for name in batch), strict=True):
        held = json.loads(text)
        steps = [step["content"] for step in held["steps"]]
        made = record(row_id, created_at, held["prompt"], steps, held["final_answer"], version, held["meta"] or {})
        for name, value in made.items():
            columns[name].append(value)
    return columns


def main(url: str, folder: Path) -> None:
    """Write the file and validate it."""
    dataset = Dataset.from_generator(rows, gen_kwargs={"url": url})
    records = dataset.map(
        render, batched=True, num_proc=PROCESSES, remove_columns=dataset.column_names, features=FEATURES
    )
    path = folder / "tunix_sft.jsonl"
    records.to_json(path, num_proc=PROCESSES, force_ascii=False)
    validate(path)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
