"""Every reader of an export that docs/datasets.md calls exact, each as one function with the same result.

A reader gets the folder `data/export` and a format's name, and returns that format's records by split, in order. In a
record text is `str`, a list is a list, and metadata is JSON text. Splits without records are left out.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow.dataset
import pyarrow.parquet

from stages.paths import SPLITS

Records = dict[str, list[dict[str, Any]]]
Reader = Callable[[Path, str], Records]


def json_lines(export: Path, name: str) -> Records:
    """The records as the JSON Lines have them, by a parser that guesses nothing; metadata as its bytes stand there."""
    found: Records = {}
    for split in SPLITS:
        for path in sorted((export / name).glob(f"{split}-*.jsonl")):
            for line in path.read_bytes().removesuffix(b"\n").split(b"\n"):
                record = json.loads(line)
                if "metadata" in record:
                    raw = msgspec.json.decode(line, type=dict[str, msgspec.Raw])["metadata"]
                    record["metadata"] = bytes(raw).decode()
                found.setdefault(split, []).append(record)
    return found


def by_card(export: Path, name: str) -> Records:
    """`load_dataset("data/export", NAME)`."""
    from datasets import load_dataset

    with tempfile.TemporaryDirectory() as cache:
        loaded = load_dataset(str(export), name, cache_dir=cache)
        return {split: list(rows) for split, rows in loaded.items()}


def by_card_streaming(export: Path, name: str) -> Records:
    """`load_dataset("data/export", NAME, streaming=True)`."""
    from datasets import load_dataset

    return {split: list(rows) for split, rows in load_dataset(str(export), name, streaming=True).items()}


def by_datasets_parquet(export: Path, name: str) -> Records:
    """`load_dataset("parquet", data_files=...)`."""
    from datasets import load_dataset

    files = dict(_parquet(export, name))
    with tempfile.TemporaryDirectory() as cache:
        loaded = load_dataset("parquet", data_files=files, cache_dir=cache)
        return {split: list(rows) for split, rows in loaded.items()}


def by_pandas(export: Path, name: str) -> Records:
    """`pandas.read_parquet`."""
    import pandas as pd

    return {split: plain(pd.read_parquet(paths).to_dict("records")) for split, paths in _parquet(export, name)}


def by_arrow(export: Path, name: str) -> Records:
    """`pyarrow.parquet.read_table`."""
    return {
        split: [row for path in paths for row in pyarrow.parquet.read_table(path).to_pylist()]
        for split, paths in _parquet(export, name)
    }


def by_arrow_dataset(export: Path, name: str) -> Records:
    """`pyarrow.dataset.dataset`."""
    return {split: pyarrow.dataset.dataset(paths).to_table().to_pylist() for split, paths in _parquet(export, name)}


def by_duckdb(export: Path, name: str) -> Records:
    """DuckDB's `read_parquet`."""
    found: Records = {}
    with duckdb.connect() as database:
        for split, paths in _parquet(export, name):
            rows = database.read_parquet(paths)
            found[split] = [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]
    return found


def by_croissant(export: Path, name: str) -> Records:
    """`mlcroissant.Dataset("data/export/croissant.json").records(NAME)`, which gives text as bytes."""
    import mlcroissant

    found: Records = {}
    for record in mlcroissant.Dataset(str(export / "croissant.json")).records(name):
        row = _short(plain(record))
        found.setdefault(row.pop("split"), []).append(row)
    return found


READERS: dict[str, Reader] = {
    reader.__name__: reader
    for reader in (
        by_card,
        by_card_streaming,
        by_datasets_parquet,
        by_pandas,
        by_arrow,
        by_arrow_dataset,
        by_duckdb,
        by_croissant,
    )
}


def _parquet(export: Path, name: str) -> Iterator[tuple[str, list[str]]]:
    """The Parquet copies of each split that has any."""
    for split in SPLITS:
        if paths := sorted(map(str, (export / "parquet" / name).glob(f"{split}-*.parquet"))):
            yield split, paths


def plain(value: Any) -> Any:
    """A value without NumPy, and bytes as the text that they are."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [plain(item) for item in value] if isinstance(value, list) else value


def _short(value: Any) -> Any:
    """A record of `mlcroissant` with the last part of each name: `trace/id` is `id`."""
    if isinstance(value, list):
        return [_short(item) for item in value]
    return {key.rpartition("/")[2]: _short(item) for key, item in value.items()} if isinstance(value, dict) else value
