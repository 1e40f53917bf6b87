"""SQLite stores as other programs make them, read as they stand."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.support.samples import created_at, payload, stored, trace_id, write_sqlite
from traces.errors import TracesError
from traces.partitions import Row, fingerprint
from traces.store import open_store
from traces.store.base import Census
from traces.times import LAST_US, parse_us


def read(url: str, as_of_us: int = LAST_US) -> list[Row]:
    with open_store(url) as store:
        return list(store.rows(as_of_us))


def test_both_forms_of_id_and_of_time_are_read(tmp_path: Path) -> None:
    text = json.dumps(payload())
    url = write_sqlite(
        tmp_path / "x.db",
        [
            (trace_id(1).replace("-", ""), "2026-01-01 00:01:00.000000", "1.0", text),
            (trace_id(2), "2026-01-01T00:02:00+00:00", "1.0", text),
            (trace_id(3).upper(), "2026-01-01T01:03:00+01:00", "1.0", text),
        ],
    )
    assert [(r.id, r.created_us) for r in read(url)] == [(trace_id(n), parse_us(created_at(n))) for n in (1, 2, 3)]


def test_rows_come_in_the_order_of_time_then_id_undated_ones_first(tmp_path: Path) -> None:
    same = "2026-01-01 00:00:00"
    rows = [(trace_id(n), same, "1.0", "{}") for n in range(5)]
    rows += [(trace_id(9), "2025-01-01 00:00:00", "1.0", "{}"), (trace_id(8), "soon", "1.0", "{}")]
    found = [r.id for r in read(write_sqlite(tmp_path / "x.db", rows))]
    assert found == [trace_id(8), trace_id(9), *sorted(trace_id(n) for n in range(5))]


def test_whatever_the_columns_hold_a_row_is_a_row(tmp_path: Path) -> None:
    url = write_sqlite(
        tmp_path / "x.db",
        [
            ("seven", None, None, None),
            (7, 7, 7, 7),
            (b"\xff\xfe", b"\xff", b"\xff", b"\xff\xfe"),
            (trace_id(1), created_at(1), "1.0", "no JSON"),
        ],
    )
    found = {r.id: r for r in read(url)}
    assert found["seven"] == Row("seven", None, None, None)
    assert found["7"].payload == b"7"
    assert found["\ufffd\ufffd"].payload == b"\xff\xfe"
    assert found[trace_id(1)].payload == b"no JSON"


def test_nothing_later_than_asked_for(tmp_path: Path) -> None:
    url = write_sqlite(tmp_path / "x.db", (stored(n) for n in range(10)))
    as_of = parse_us(created_at(4))
    assert as_of is not None
    assert [r.id for r in read(url, as_of)] == [trace_id(n) for n in range(5)]
    with open_store(url) as store:
        assert (store.count_after(as_of), store.newest_us(0)) == (5, parse_us(created_at(9)))


def test_partitions_are_those_of_the_rows(tmp_path: Path) -> None:
    url = write_sqlite(tmp_path / "x.db", (stored(n) for n in range(100)))
    with open_store(url) as store:
        assert store.partitions(LAST_US, 8) == list(fingerprint(read(url), 8))


def test_the_census_counts_by_source_and_game(tmp_path: Path) -> None:
    rows = [stored(1), stored(2, meta={"source": "hand", "game": 7}), stored(3, meta=None)]
    url = write_sqlite(tmp_path / "x.db", [*rows, (trace_id(4), "soon", "1.0", "no JSON")])
    with open_store(url) as store:
        first, last = parse_us(created_at(1)), parse_us(created_at(3))
        assert store.census() == Census(4, first, last, {"hand": 1, "ungar": 1}, {"7": 1, "sums": 1})
        assert store.kind == "sqlite"


def test_one_state_is_seen_whatever_is_written_meanwhile(tmp_path: Path) -> None:
    url = write_sqlite(tmp_path / "x.db", (stored(n) for n in range(5)))
    with sqlite3.connect(tmp_path / "x.db") as writer:
        writer.execute("PRAGMA journal_mode=WAL")
    writer.close()
    with open_store(url) as store:
        assert store.census().rows == 5
        write_sqlite(tmp_path / "x.db", [stored(5)])
        assert store.census().rows == 5
    assert len(read(url)) == 6


def test_the_file_cannot_be_written_through_a_store(tmp_path: Path) -> None:
    from sqlalchemy import text

    url = write_sqlite(tmp_path / "x.db", [stored(1)])
    with open_store(url) as store, pytest.raises(TracesError, match="readonly"), store.errors():
        store.connection.execute(text("DELETE FROM traces"))


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("CREATE TABLE other (a)", "no table `traces`; name another database in TRACES_DATABASE_URL"),
        ("CREATE TABLE traces (id, created_at, payload)", "table `traces` has no column trace_version; see docs/"),
    ],
)
def test_a_missing_table_or_column_is_named(tmp_path: Path, statement: str, says: str) -> None:
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(TracesError, match=says), open_store(f"sqlite:///{tmp_path / 'x.db'}"):
        pass


def test_a_view_is_as_good_as_a_table(tmp_path: Path) -> None:
    write_sqlite(tmp_path / "x.db", [stored(1)])
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("ALTER TABLE traces RENAME TO held")
        connection.execute("CREATE VIEW traces AS SELECT * FROM held")
    connection.close()
    assert len(read(f"sqlite:///{tmp_path / 'x.db'}")) == 1


@pytest.mark.parametrize(
    "columns",
    [
        "id PRIMARY KEY, created_at, trace_version, payload) WITHOUT ROWID",
        "id, created_at, trace_version, payload, RowId)",
    ],
)
def test_a_table_without_rowids_is_read_too(tmp_path: Path, columns: str) -> None:
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute(f"CREATE TABLE traces ({columns}")
        rows = [stored(n) for n in (2, 1)]
        connection.executemany("INSERT INTO traces (id, created_at, trace_version, payload) VALUES (?, ?, ?, ?)", rows)
    connection.close()
    found = read(f"sqlite:///{tmp_path / 'x.db'}")
    assert [(r.id, r.payload) for r in found] == [(trace_id(n), stored(n)[3].encode()) for n in (1, 2)]


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("not a database" * 100)
    with pytest.raises(TracesError, match=r"x\.db: file is not a database"), open_store(f"sqlite:///{tmp_path}/x.db"):
        pass


def test_the_census_counts_whatever_text_there_is(tmp_path: Path) -> None:
    text = '{"meta": {"source": "\\ud800", "game": 5}}'
    with open_store(write_sqlite(tmp_path / "x.db", [(trace_id(1), created_at(1), "1.0", text)])) as store:
        assert store.census().games == {"5": 1}
        assert sum(store.census().sources.values()) == 1
