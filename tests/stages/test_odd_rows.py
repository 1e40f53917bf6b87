"""Rows that lie: SQLite and PostgreSQL, `json` and `jsonb`, give the same verdict on each, in a line or as a reason."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stages import extract_traces, select
from stages.params.reading import load_params
from stages.paths import QUARANTINE
from tests.stages.lockfile import repin, set_params
from tests.support.samples import created_at, payload, stored, trace_id, write_sqlite
from traces.errors import TracesError
from traces.pin import load_pin
from traces.store import open_store

Row = tuple[Any, Any, Any, Any]
MakeStore = Callable[[list[Row]], str]
KINDS = ["sqlite", "postgresql/json", "postgresql/jsonb", "postgresql/json without zones"]
FUTURE = "2999-01-01 00:00:00"


@pytest.fixture(params=KINDS)
def make_store(
    request: pytest.FixtureRequest, workspace: Path, database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> MakeStore:
    """Makes a store of each kind with these rows and no constraint, and has the environment name it."""

    def make(rows: list[Row]) -> str:
        kind, _, zone = request.param.partition(" ")
        if kind == "sqlite":
            url = write_sqlite(workspace / "store.db", [])
            write_rows_without_key(workspace / "store.db", rows)
        else:
            url = database("")
            time = "timestamp" if zone else "timestamptz"
            with psycopg.connect(url, autocommit=True, options="-c TimeZone=UTC") as connection:
                columns = f"id uuid, created_at {time}, trace_version text, payload {kind.partition('/')[2]}"
                connection.execute(f"CREATE TABLE traces ({columns})")  # type: ignore[arg-type]
                connection.cursor().executemany("INSERT INTO traces VALUES (%s, %s, %s, %s)", rows)
        monkeypatch.setenv("TRACES_DATABASE_URL", url)
        return url

    return make


def write_rows_without_key(path: Path, rows: list[Row]) -> None:
    import sqlite3

    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE traces")
        connection.execute("CREATE TABLE traces (id, created_at, trace_version, payload)")
        connection.executemany("INSERT INTO traces VALUES (?, ?, ?, ?)", rows)
    connection.close()


def built() -> dict[str, str]:
    """Pin, extract and select all; what was set aside, by id."""
    set_params(extract={"max_quarantined": 10}, split={"validation": 0, "test": 0}, filters={"source": None})
    repin()
    extract_traces.work(load_params())
    select.work(load_params())
    lines = [json.loads(line) for path in QUARANTINE.glob("*.jsonl") for line in path.read_text().splitlines()]
    return {line["id"]: line["reason"] for line in lines}


def refusal() -> str:
    """Why they cannot be pinned and selected, without the store's name."""
    with pytest.raises(TracesError) as refused:
        built()
    assert "\n" not in str(refused.value)
    with open_store(os.environ["TRACES_DATABASE_URL"]) as store:
        return str(refused.value).removeprefix(f"{store.label}: ")


@pytest.mark.parametrize("time", [created_at(1), created_at(5)], ids=["at one time", "at two times"])
def test_an_id_that_stands_on_two_rows_is_named(make_store: MakeStore, time: str) -> None:
    text = json.dumps(payload(7))
    make_store([*(stored(number) for number in range(5)), (trace_id(1), time, "1.0", text)])
    assert refusal() == f"id {trace_id(1)} stands on two rows of the store; remove one of them and pin again"


def test_of_an_id_on_two_rows_one_that_is_no_trace_is_set_aside(make_store: MakeStore) -> None:
    make_store([*(stored(number) for number in range(5)), (trace_id(1), created_at(7), "1.0", "{}")])
    assert built() == {trace_id(1): "$: object missing required field trace_version"}


def test_a_payload_that_is_a_json_string_of_json_is_set_aside(make_store: MakeStore) -> None:
    make_store([stored(0), (*stored(1)[:3], json.dumps(json.dumps(payload(1)))), stored(2)])
    assert built() == {trace_id(1): "$: expected object, got str"}


def test_of_several_faults_the_same_is_named(make_store: MakeStore) -> None:
    text = json.dumps(payload(1, zz=1, b=2, prompt=5)).replace('"zz"', '"b": 3, "aaa": {"x": 1e3}, "zz"')
    make_store([stored(0), (*stored(1)[:3], text)])
    assert built() == {trace_id(1): "$: object contains unknown field aaa"}


def test_a_time_without_a_zone_is_utc(make_store: MakeStore) -> None:
    make_store([stored(0), (trace_id(1), "2026-01-01 00:01:00", "1.0", json.dumps(payload(1)))])
    assert built() == {}
    assert load_pin().as_of == created_at(1)


def test_a_row_without_a_time_is_set_aside(make_store: MakeStore) -> None:
    make_store([stored(0), (trace_id(1), None, "1.0", json.dumps(payload(1)))])
    assert built() == {trace_id(1): "the row's created_at is missing, unreadable or outside of the years 1 to 9999"}


def test_a_row_of_the_future_is_left_out_and_counted(make_store: MakeStore) -> None:
    url = make_store([stored(0), stored(1), (trace_id(2), FUTURE, "1.0", json.dumps(payload(2)))])
    assert built() == {}
    assert (load_pin().as_of, load_pin().rows) == (created_at(1), 2)
    with open_store(url) as store:
        assert (store.count_future(), store.count_after(load_pin().as_of_us)) == (1, 1)


def test_a_store_of_the_future_has_nothing_to_pin(make_store: MakeStore) -> None:
    from traces.pinning import take_pin

    url = make_store([(trace_id(2), FUTURE, "1.0", json.dumps(payload(2)))])
    with (
        open_store(url) as store,
        pytest.raises(TracesError, match=r"no trace older than 0 s, 1 later than its clock;"),
    ):
        take_pin(store, 16, 0)


def test_an_empty_table_has_nothing_to_pin(make_store: MakeStore) -> None:
    from traces.pinning import take_pin

    url = make_store([])
    with open_store(url) as store, pytest.raises(TracesError, match=r": no trace older than 60 s; `traces record` or"):
        take_pin(store, 16, 60)


def test_times_kept_as_text_in_postgresql_are_refused_in_a_line(database: Callable[[str], str]) -> None:
    url = database("")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE traces (id uuid, created_at text, trace_version text, payload json)")
    with pytest.raises(TracesError, match=r": the column created_at is text, not timestamptz; name"), open_store(url):
        pass
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE traces RENAME TO held")
        connection.execute("CREATE VIEW traces AS SELECT id, created_at::timestamptz, trace_version, payload FROM held")
    with open_store(url) as store:
        assert store.newest_us(0) is None
