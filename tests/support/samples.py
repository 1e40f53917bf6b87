"""Small traces, rows, stores and recorded episodes."""

from __future__ import annotations

import gzip
import json
import sqlite3
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from traces.ungar.episode import Episode

EPISODES = Path(__file__).parent.parent / "data" / "episodes"


def payload(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A small valid payload; `changes` replace its keys."""
    return {
        "trace_version": "1.0",
        "prompt": f"What is {number} + 1?",
        "final_answer": str(number + 1),
        "steps": [{"i": 0, "type": "think", "content": f"{number} and one more"}],
        "meta": {"source": "ungar", "game": "sums", "seed": 1, "episode_index": number},
        **changes,
    }


def trace_id(number: int) -> str:
    """An id that looks random and is the same in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))


def created_at(number: int) -> str:
    """Minute by minute from the first of January 2026."""
    day, minute = divmod(number, 24 * 60)
    return f"2026-01-{day + 1:02d}T{minute // 60:02d}:{minute % 60:02d}:00+00:00"


def row(number: int, **changes: Any) -> dict[str, Any]:
    """A whole row, as recordings and `traces ingest` have it; `changes` replace the payload's keys."""
    return {
        "id": trace_id(number),
        "created_at": created_at(number),
        "trace_version": "1.0",
        "payload": payload(number, **changes),
    }


def pair_rows() -> list[dict[str, Any]]:
    """Rows of which every two answer one prompt, the second better: the sample has no such pair."""
    return [
        row(
            number,
            prompt=f"What is {number // 2} + 1?",
            final_answer=str(number // 2 + number % 2),
            meta={"source": "ungar", "result": ("loss", "win")[number % 2]},
        )
        for number in range(200)
    ]


def write_jsonl(path: Path, values: Iterable[Any]) -> Path:
    """A JSON Lines file, gzipped where its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        path.write_text(text)
    return path


def write_sqlite(path: Path, rows: Iterable[tuple[Any, Any, Any, Any]]) -> str:
    """A SQLite store as other programs make one, values as given; returns its URL."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS traces (id CHAR(32) PRIMARY KEY, created_at DATETIME, "
            "trace_version VARCHAR(64), payload JSON)"
        )
        connection.executemany("INSERT INTO traces VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return f"sqlite:///{path}"


def stored(number: int, **changes: Any) -> tuple[str, str, str, str]:
    """A row as SQLAlchemy keeps it in SQLite: hexadecimal id, naive UTC text."""
    time = created_at(number).removesuffix("+00:00").replace("T", " ") + ".000000"
    return trace_id(number).replace("-", ""), time, "1.0", json.dumps(payload(number, **changes))


def recorded_episodes(game: str) -> list[Episode]:
    """Real games, recorded; Gin Rummy's were cut, and so have no rewards."""
    episodes = []
    with gzip.open(EPISODES / f"{game}.jsonl.gz") as lines:
        for line in lines:
            held = json.loads(line)
            if game == "gin_rummy":
                held["rewards"] = None
            episodes.append(msgspec.convert(held, Episode))
    return episodes
