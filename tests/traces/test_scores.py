"""Scores in a pin: fresh, behind or broken; the same from SQLite and PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.support.samples import created_at, payload, stored, trace_id, write_sqlite
from traces.errors import TracesError
from traces.pin import Pin, dump_pin, load_pin
from traces.pinning import PinState, compare_pin, take_pin
from traces.scores import score_value
from traces.store import open_store

TABLE = (
    "CREATE TABLE scores (id {uuid} PRIMARY KEY, trace_id {uuid}, criteria varchar(64), score double precision, "
    "details json, created_at {time})"
)
# Number of the trace, score, when it was given.
SCORES = [(0, 0.1, 1), (0, 0.30000000000000004, 3), (1, -1e300, 2), (2, -0.0, 2), (3, 2.0, 9)]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    url = write_sqlite(tmp_path / "store.db", [stored(n) for n in range(4)])
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute(TABLE.format(uuid="char(32)", time="datetime"))
        for i, (number, score, day) in enumerate(SCORES):
            trace = trace_id(number).replace("-", "")
            values = (f"{i:032x}", trace, "helpful", score, None, f"2026-03-0{day} 00:00:00")
            connection.execute("INSERT INTO scores VALUES (?, ?, ?, ?, ?, ?)", values)
    connection.close()
    return url


@pytest.fixture
def postgres_url(database: Callable[[str], str]) -> str:
    url = database("json")
    with psycopg.connect(url) as connection:
        for n in range(4):
            row = (trace_id(n), created_at(n), "1.0", json.dumps(payload(n)))
            connection.execute("INSERT INTO traces VALUES (%s, %s, %s, %s)", row)
        connection.execute(TABLE.format(uuid="uuid", time="timestamptz").encode())
        for i, (number, score, day) in enumerate(SCORES):
            values = (f"{i:032x}", trace_id(number), "helpful", score, f"2026-03-0{day}T00:00:00Z")
            connection.execute("INSERT INTO scores VALUES (%s, %s, %s, %s, NULL, %s)", values)
    return url


def taken(url: str) -> Pin:
    with open_store(url) as store:
        return take_pin(store, 16, 0, "helpful")


def state(pin: Pin, url: str) -> PinState:
    with open_store(url) as store:
        return compare_pin(pin, store)


def test_sqlite_and_postgresql_give_the_same_scores(sqlite_url: str, postgres_url: str) -> None:
    assert taken(sqlite_url).scores == taken(postgres_url).scores
    with open_store(postgres_url) as store:
        found = list(store.scores(2**60, "helpful", 2**60))
    assert [(score.trace_id, score.score) for score in found] == [
        (trace_id(0), 0.30000000000000004), (trace_id(1), -1e300), (trace_id(2), 0.0), (trace_id(3), 2.0)
    ]  # fmt: skip
    assert str(found[2].score) == "0.0"


def test_a_pin_with_scores_is_read_as_it_was_written(sqlite_url: str, tmp_path: Path) -> None:
    pin = taken(sqlite_url)
    (tmp_path / "snapshot.json").write_text(dump_pin(pin))
    assert load_pin(tmp_path / "snapshot.json") == pin
    assert pin.scores is not None
    assert (pin.scores.criteria, pin.scores.rows) == ("helpful", 4)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM scores WHERE 1 = 0", "fresh"),
        ("UPDATE scores SET created_at = '2026-03-09 00:00:01' WHERE score = 2.0", "broken"),
        ("UPDATE scores SET score = 0.2 WHERE score = 2.0", "broken"),
        ("DELETE FROM scores WHERE score = 2.0", "broken"),
        ("DELETE FROM scores WHERE score = 0.1", "fresh"),  # superseded
        ("UPDATE scores SET criteria = 'other' WHERE score = 2.0", "broken"),
        ("INSERT INTO scores VALUES ('ff', 'none', 'helpful', 1, NULL, '2026-04-01 00:00:00')", "behind"),
    ],
)
def test_what_happens_to_scores_shows(sqlite_url: str, tmp_path: Path, statement: str, expected: str) -> None:
    pin = taken(sqlite_url)
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute(statement)
    connection.close()
    found = state(pin, sqlite_url)
    assert found.word == expected
    assert all(line.startswith("scores by helpful: 4 traces scored when pinned, ") for line in found.differences)


def test_a_store_without_such_scores_says_so(tmp_path: Path, sqlite_url: str) -> None:
    bare = write_sqlite(tmp_path / "bare.db", [stored(1)])
    with pytest.raises(TracesError, match=r"no table `scores`; `extract.scores: null` in params.yaml does without"):
        taken(bare)
    with (
        open_store(sqlite_url) as store,
        pytest.raises(TracesError, match="no pinned trace has a score by kind that is a number"),
    ):
        take_pin(store, 16, 0, "kind")


@pytest.mark.parametrize(("raw", "value"), [(1, 1.0), (None, None), ("1", None), (True, None), (float("nan"), None)])
def test_a_score_is_a_number(raw: object, value: float | None) -> None:
    assert score_value(raw) == value
