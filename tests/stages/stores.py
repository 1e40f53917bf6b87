"""Stores of a workspace's own, pinned."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from stages.params.reading import load_params
from tests.support.samples import stored, trace_id, write_sqlite
from traces.embedded import open_configured
from traces.pin import SNAPSHOT, dump_pin
from traces.pinning import take_pin
from traces.store import open_store


def pin_store(workspace: Path, monkeypatch: pytest.MonkeyPatch, rows: list[Any]) -> None:
    monkeypatch.setenv("TRACES_DATABASE_URL", write_sqlite(workspace / "store.db", rows))
    with open_configured(f"sqlite:///{workspace / 'store.db'}") as store:
        SNAPSHOT.write_text(dump_pin(take_pin(store, load_params().extract.partition_rows, 0)))


def scored_store(scores: Iterable[tuple[int, str, object, str]]) -> str:
    """A SQLite store of ten traces with one prompt, and a table of scores: number, criteria, score, time."""
    url = write_sqlite(Path("store.db"), [stored(n, prompt="p") for n in range(10)])
    with sqlite3.connect("store.db") as connection:
        connection.execute(
            "CREATE TABLE scores (id CHAR(32) PRIMARY KEY, trace_id CHAR(32), criteria VARCHAR(64), score FLOAT, "
            "details JSON, created_at DATETIME)"
        )
        connection.executemany(
            "INSERT INTO scores VALUES (?, ?, ?, ?, NULL, ?)",
            [
                (f"{i:032x}", trace_id(n).replace("-", ""), criteria, score, time)
                for i, (n, criteria, score, time) in enumerate(scores)
            ],
        )
    connection.close()
    return url


def pin_scored(url: str) -> None:
    with open_store(url) as store:
        SNAPSHOT.write_text(dump_pin(take_pin(store, 20480, 0, "helpful")))
