"""The pin: which rows, as of when; fresh, behind or broken."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.support.samples import stored, trace_id, write_sqlite
from traces.errors import TracesError
from traces.pin import Pin, dump_pin, load_pin
from traces.pinning import PinState, compare_pin, take_pin
from traces.store import open_store

DB = Path("store.db")


@pytest.fixture
def pinned(workspace: Path) -> Pin:
    write_sqlite(DB, (stored(n) for n in range(100)))
    return taken()


def taken(size: int = 16) -> Pin:
    with open_store(f"sqlite:///{DB}") as store:
        return take_pin(store, size, 0)


def state(pin: Pin) -> PinState:
    with open_store(f"sqlite:///{DB}") as store:
        return compare_pin(pin, store)


def change(statement: str, number: int) -> None:
    with sqlite3.connect(DB) as connection:
        connection.execute(statement, [trace_id(number).replace("-", "")])
    connection.close()


def test_an_unchanged_store_is_fresh_and_pins_to_the_same_text(pinned: Pin) -> None:
    assert (state(pinned).word, pinned.rows, pinned.as_of) == ("fresh", 100, "2026-01-01T01:39:00+00:00")
    assert dump_pin(taken()) == dump_pin(pinned)


def test_later_rows_leave_it_behind(pinned: Pin) -> None:
    write_sqlite(DB, (stored(n) for n in range(100, 107)))
    assert state(pinned) == PinState(7, [])
    assert state(pinned).word == "behind"


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM traces WHERE id = ?", "found"),
        ("UPDATE traces SET payload = payload || ' ' WHERE id = ?", "content changed"),
        ("UPDATE traces SET trace_version = '2' WHERE id = ?", "content changed"),
        ("UPDATE traces SET created_at = '2026-01-01 00:50:30' WHERE id = ?", "content changed"),
        ("INSERT INTO traces SELECT 'ff' || substr(id, 3), created_at, '1', '{}' FROM traces WHERE id = ?", "found"),
    ],
)
def test_a_pinned_row_changed_in_any_way_breaks_it(pinned: Pin, statement: str, says: str) -> None:
    change(statement, 50)
    found = state(pinned)
    assert found.word == "broken"
    assert any(says in line and "partition from 2026-01-01" in line for line in found.differences)


def test_the_loss_of_a_partition_s_first_row_is_told(pinned: Pin) -> None:
    first = next(p.first_id for p in pinned.partitions[1:] if p.rows > 1)
    change("DELETE FROM traces WHERE id = ?", next(n for n in range(100) if trace_id(n) == first))
    lines = state(pinned).differences
    assert any("its first row is gone or moved" in line for line in lines)
    assert len(lines) == 2


def test_a_pin_is_read_back_as_it_was_written(pinned: Pin) -> None:
    Path("data/snapshot.json").write_text(dump_pin(pinned))
    assert load_pin() == pinned
    held = json.loads(dump_pin(pinned))
    assert list(held) == ["as_of", "store", "digest", "partition_rows", "rows", "partitions"]
    assert sum(line["rows"] for line in held["partitions"]) == held["rows"] == 100


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"rows": 100', '"rows": 101', "rows says 101, its partitions add up to 100"),
        ('"store": "sqlite"', '"store": 1', "store: Input should be a valid string"),
        ('"digest": "md5', '"digest": "sha', "pinned by method sha-64-sum/1, this version uses md5-64-sum/1; run"),
        ('"as_of": "2026', '"as_of": "soon2026', "as_of: 'soon2026-01-01T01:39:00+00:00' is not an ISO 8601 time"),
        ('"as_of": "2026-01-01T01:39:00+00:00"', '"as_of": "2026-01-01T01:39:00Z"', "not as `traces pin` writes it"),
        ('{\n  "as_of"', '{"more": 1, "as_of"', "more: Extra inputs are not permitted"),
        ("}\n", "", "the file: Invalid JSON"),
    ],
)
def test_an_edited_pin_is_refused(pinned: Pin, old: str, new: str, says: str) -> None:
    text = dump_pin(pinned)
    assert old in text
    Path("data/snapshot.json").write_text(text.replace(old, new, 1))
    with pytest.raises(TracesError) as refused:
        load_pin()
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_another_kind_of_store_is_refused_by_name(pinned: Pin) -> None:
    other = Pin(pinned.as_of_us, "postgresql/json", pinned.partition_rows, pinned.partitions)
    with pytest.raises(TracesError, match="a sqlite store, but data/snapshot.json was pinned from postgresql/json"):
        state(other)


def test_an_empty_or_too_young_store_has_nothing_to_pin(workspace: Path) -> None:
    write_sqlite(DB, [])
    with pytest.raises(TracesError, match="no trace older than 0 s; `traces record` or `traces ingest` adds some"):
        taken()
