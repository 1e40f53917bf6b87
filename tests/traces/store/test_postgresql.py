"""A real PostgreSQL: partitions computed in the server, one read-only snapshot, rows streamed."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import text

from benchmarks.database import server_count
from tests.support.samples import created_at, payload, trace_id
from traces.errors import TracesError
from traces.partitions import Partition, Row, fingerprint
from traces.store import open_store
from traces.store import source as source_module
from traces.store.source import CopySource
from traces.times import LAST_US, parse_us

Database = Callable[[str], str]


def fill(url: str, numbers: Iterable[int], created: str | None = None, **changes: object) -> None:
    rows = [(trace_id(n), created or created_at(n), "1.0", json.dumps(payload(n, **changes))) for n in numbers]
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO traces VALUES (%s, %s, %s, %s)", rows)


@pytest.mark.parametrize("payload_type", ["json", "jsonb"])
def test_the_server_s_partitions_are_those_of_the_rows_read(database: Database, payload_type: str) -> None:
    url = database(payload_type)
    fill(url, range(100), prompt="é 😀 | '; DROP")
    fill(url, range(100, 105), "2026-01-01T00:00:00Z")
    fill(url, range(105, 107), "infinity")
    fill(url, range(107, 108), "0044-03-15 12:00:00 BC")
    with open_store(url) as store:
        rows = list(store.rows(LAST_US))
        assert [row.created_us for row in rows[:3]] == [None, None, None]
        assert [(r.created_us, r.id) for r in rows[3:]] == sorted((r.created_us or 0, r.id) for r in rows[3:])
        for size in (1, 8, 10**6):
            assert store.partitions(LAST_US, size) == list(fingerprint(rows, size))
        as_of = parse_us(created_at(50))
        assert as_of is not None
        assert store.partitions(as_of, 8) == list(fingerprint(store.rows(as_of), 8))
        assert store.kind == f"postgresql/{payload_type}"


def test_the_server_sorts_no_payloads_for_the_partitions(database: Database) -> None:
    url = database("json")
    spilled = "SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()"
    with psycopg.connect(url) as connection:
        # 8 MB of payloads: more than the server sorts in memory, while keys and digests are a tenth of that.
        connection.execute(
            "INSERT INTO traces SELECT gen_random_uuid(), now(), '1.0', json_build_object('x', repeat('x', 1000))"
            " FROM generate_series(1, 8000)"
        )
    before = server_count(url, spilled)
    with open_store(url) as store:
        assert sum(partition.rows for partition in store.partitions(LAST_US, 1000)) == 8000
    assert server_count(url, spilled) == before


@pytest.mark.parametrize("size", [1, 2, 8, 10**6])
@pytest.mark.parametrize("payload_type", ["json", "jsonb"])
def test_partitions_read_one_by_one_are_the_rows_read_in_one_go(
    database: Database, payload_type: str, size: int
) -> None:
    url = database(payload_type)
    fill(url, range(60), prompt="é 😀 | '; DROP")
    fill(url, range(60, 90), "2026-01-01T00:20:00.000001Z")  # one time, so that ids part them
    fill(url, range(90, 110), "infinity")
    with open_store(url) as store:
        pinned = store.partitions(LAST_US, size)
        fill(url, range(200, 210))  # not in the state that the store sees
        sources = store.sources(LAST_US, pinned)
        assert sources is not None
        read = [list(pickle.loads(pickle.dumps(source)).rows()) for source in sources]
        assert [fingerprint_of(rows) for rows in read] == pinned
        assert [row for rows in read for row in rows] == list(store.rows(LAST_US))


def test_any_encoding_of_the_database_gives_the_rows_that_were_pinned(postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    url = postgres.replace("/postgres?", "/latin?")
    make_table(url, "uuid")
    fill(url, range(20), prompt="é")
    with open_store(url) as store:
        pinned = store.partitions(LAST_US, 8)
        read = [list(source.rows()) for source in store.sources(LAST_US, pinned) or []]
        assert [fingerprint_of(rows) for rows in read] == pinned


def test_ids_of_any_text_part_the_partitions(database: Database) -> None:
    url = database("")
    make_table(url, "text")
    ids = ["%", "a%b", "'", '"', "\\", ":x", "%%s", "é", "{0}"]
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        rows = [(i, created_at(0), "1.0", json.dumps(payload())) for i in ids]
        cursor.executemany("INSERT INTO traces VALUES (%s, %s, %s, %s)", rows)
    with open_store(url) as store:
        for size in (1, 2, 3, 5):
            pinned = store.partitions(LAST_US, size)
            read = [list(source.rows()) for source in store.sources(LAST_US, pinned) or []]
            assert [fingerprint_of(rows) for rows in read] == pinned


def make_table(url: str, id_type: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"CREATE TABLE traces (id {id_type}, created_at timestamptz, trace_version varchar(64), payload json)"  # type: ignore[arg-type]
        )
        connection.execute("CREATE INDEX ON traces (created_at)")


def test_a_row_that_was_not_pinned_is_in_one_of_the_partitions_read(database: Database) -> None:
    url = database("json")
    fill(url, range(10, 50))
    with open_store(url) as store:
        pinned = store.partitions(LAST_US, 8)
    fill(url, range(60, 64), "0044-03-15 12:00:00 BC")
    for number, time in ((3, 1), (1000, 30), (1001, 90)):  # before all others, among them, after them
        fill(url, [number], created_at(time))
    with open_store(url) as store:
        sources = store.sources(LAST_US, pinned) or []
        read = [row.id for source in sources for row in source.rows()]
        assert sorted(read) == sorted(row.id for row in store.rows(LAST_US))
        assert {trace_id(n) for n in (3, 1000, 1001, *range(60, 64))} <= set(read)


def test_without_an_index_on_created_at_there_is_one_way_to_read(database: Database) -> None:
    url = database("json")
    fill(url, range(5))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP INDEX traces_created_at_idx")
        for index in ("(trace_version)", "(created_at) WHERE trace_version = '2'", "USING hash (created_at)"):
            connection.execute(f"CREATE INDEX ON traces {index}")  # type: ignore[arg-type]
    with open_store(url) as store:
        assert store.sources(LAST_US, store.partitions(LAST_US, 8)) is None


def test_the_session_that_others_wait_for_may_idle_and_its_end_hides_no_error(
    database: Database, postgres: str
) -> None:
    url = database("json")
    fill(url, range(5))
    with pytest.raises(TracesError, match="what went wrong first"), open_store(url) as store:
        assert store.connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar() == "0"
        pid = store.connection.execute(text("SELECT pg_backend_pid()")).scalar()
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
        raise TracesError("what went wrong first")


def test_the_role_s_limits_of_time_are_not_those_of_reading_a_partition(database: Database, postgres: str) -> None:
    url = database("json")
    fill(url, range(5))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE hurried LOGIN; GRANT SELECT ON traces TO hurried")
        for limit in ("statement_timeout", "transaction_timeout"):
            connection.execute(f"ALTER ROLE hurried SET {limit} = '7s'")  # type: ignore[arg-type]
    hurried = url.replace("postgres:@", "hurried@")
    limits = "current_setting('statement_timeout'), 0::int8, current_setting('transaction_timeout'), NULL::bytea"
    with open_store(hurried) as store:
        (source,) = store.sources(LAST_US, store.partitions(LAST_US, 10**6)) or []
        assert isinstance(source, CopySource)
        own = store.connection.execute(text(f"SELECT {limits}")).one()
        (read,) = replace(source, queries=(f"SELECT {limits}",)).rows()
    assert tuple(own) == tuple(read) == ("0", 0, "0", None)
    # What the URL says is meant.
    with open_store(f"{hurried}&options=-c%20statement_timeout%3D9s") as store:
        assert store.connection.execute(text("SHOW statement_timeout")).scalar() == "9s"


def test_a_role_with_too_few_sessions_is_found_out(database: Database) -> None:
    url = database("json")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE three LOGIN CONNECTION LIMIT 3; GRANT SELECT ON traces TO three")
    with open_store(url.replace("postgres:@", "three@")) as store:
        assert store.refuses_sessions(2) is None
        refusal = store.refuses_sessions(3)
        assert refusal is not None
        assert re.fullmatch(r'postgresql://three@.* too many connections for role "three"', refusal)


def test_a_source_waits_for_a_session_that_is_about_to_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database("json")
    fill(url, range(5))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE two LOGIN CONNECTION LIMIT 2; GRANT SELECT ON traces TO two")
    two = url.replace("postgres:@", "two@")
    with open_store(two) as store, psycopg.connect(two) as other:
        (source,) = store.sources(LAST_US, store.partitions(LAST_US, 10**6)) or []
        pause = source_module.time.sleep

        def end_the_other(pause_s: float) -> None:
            other.close()
            pause(pause_s)

        monkeypatch.setattr(source_module.time, "sleep", end_the_other)
        assert len(list(source.rows())) == 5


def test_a_source_that_cannot_be_read_says_why_in_a_line_without_the_password(
    database: Database, require_password: Callable[[str, str], str]
) -> None:
    url = database("json")
    fill(url, range(5))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("GRANT SELECT ON traces TO PUBLIC")
    locked = require_password(url, "right-one")
    with open_store(locked) as store:
        sources = store.sources(LAST_US, store.partitions(LAST_US, 8)) or []
        assert "right-one" not in repr(sources)
    with pytest.raises(TracesError, match=r"^postgresql://locked:\*\*\*@.*snapshot") as raised:
        list(sources[0].rows())  # the store is closed, and its state of the data gone
    assert "\n" not in str(raised.value)
    assert "right-one" not in str(raised.value)


def fingerprint_of(rows: list[Row]) -> Partition:
    (partition,) = fingerprint(rows, 10**9)
    return partition


def test_one_state_is_seen_whatever_is_written_meanwhile(database: Database) -> None:
    url = database("json")
    fill(url, range(5))
    with open_store(url) as store:
        fill(url, range(5, 10))
        assert len(list(store.rows(LAST_US))) == store.census().rows == 5


def test_rows_come_one_by_one_and_nobody_has_to_read_them_all(database: Database) -> None:
    url = database("json")
    fill(url, range(200), final_answer="x" * 50_000)
    with open_store(url) as store:
        rows = store.rows(LAST_US)
        next(rows)
        # 10 MB are more than sockets hold: the server is still sending.
        activity = "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
        with psycopg.connect(url) as other:
            queries = [query for (query,) in other.execute(activity)]
        assert any(query.startswith("COPY (SELECT") for query in queries)
        assert len(list(rows)) == 199
    with pytest.raises(TracesError, match="what went wrong"), open_store(url) as store:
        rows = store.rows(LAST_US)
        next(rows)
        raise TracesError("what went wrong")


def test_nothing_can_be_written_through_a_store(database: Database) -> None:
    with open_store(database("json")) as store, pytest.raises(TracesError, match="read-only"), store.errors():
        store.connection.execute(text("DELETE FROM traces"))


def test_a_role_that_may_only_read_is_enough(database: Database) -> None:
    url = database("jsonb")
    fill(url, range(10))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE only_reads LOGIN")
        connection.execute("GRANT SELECT ON traces TO only_reads")
    with open_store(url.replace("postgres:@", "only_reads@")) as store:
        assert store.census().sources == {"ungar": 10}
        assert len(store.partitions(LAST_US, 4)) >= 1
        assert len(list(store.rows(LAST_US))) == 10


def test_rows_are_settled_by_the_database_s_own_clock(database: Database) -> None:
    url = database("json")
    fill(url, range(1), "2026-01-01T00:00:00Z")
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO traces SELECT gen_random_uuid(), now() - interval '30 s', '1.0', payload FROM traces"
        )
        connection.execute(
            "INSERT INTO traces SELECT gen_random_uuid(), now() + interval '1 day', '1.0', payload FROM traces LIMIT 1"
        )
    old = parse_us("2026-01-01T00:00:00Z")
    with open_store(url) as store:
        assert store.newest_us(60) == old
        newest = store.newest_us(0)
        assert newest is not None
        assert old is not None
        assert newest > old
        assert store.count_after(old) == 2


def test_a_wrong_password_is_never_printed(database: Database, require_password: Callable[[str, str], str]) -> None:
    url = require_password(database("json"), "right-one").replace("right-one", "hunter2")
    with pytest.raises(TracesError) as refused, open_store(url):
        pass
    assert 'password authentication failed for user "locked"' in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_table_or_right_is_named(database: Database) -> None:
    with pytest.raises(TracesError, match="no table `traces`"), open_store(database("")):
        pass
    url = database("json")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE may_nothing LOGIN")
    mine = open_store(url.replace("postgres:@", "may_nothing@"))
    with pytest.raises(TracesError, match="permission denied for table traces"), mine as store:
        store.census()


def test_a_time_zone_of_the_role_s_changes_nothing(database: Database) -> None:
    url = database("json")
    fill(url, range(3))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE elsewhere LOGIN; ALTER ROLE elsewhere SET timezone = 'Asia/Kathmandu'")
        connection.execute("GRANT SELECT ON traces TO elsewhere")
    with open_store(url) as store, open_store(url.replace("postgres:@", "elsewhere@")) as other:
        assert list(store.rows(LAST_US)) == list(other.rows(LAST_US))
        assert store.partitions(LAST_US, 8) == other.partitions(LAST_US, 8)


@pytest.mark.parametrize("payload_type", ["json", "jsonb"])
def test_rows_that_lack_anything_are_rows(database: Database, payload_type: str) -> None:
    url = database(payload_type)
    with psycopg.connect(url) as connection:
        for column in ("created_at", "trace_version", "payload"):
            connection.execute(f"ALTER TABLE traces ALTER {column} DROP NOT NULL")  # type: ignore[arg-type]
        connection.execute("ALTER TABLE traces DROP CONSTRAINT traces_pkey, ALTER id TYPE text")
        connection.execute("ALTER TABLE traces ALTER id DROP NOT NULL")
        connection.execute("INSERT INTO traces VALUES (NULL, NULL, NULL, NULL), ('x', now(), NULL, NULL)")
    fill(url, range(3))
    with open_store(url) as store:
        rows = list(store.rows(LAST_US))
        assert [row.id for row in rows] == ["", *(trace_id(n) for n in range(3)), "x"]
        for size in (1, 10**6):
            assert store.partitions(LAST_US, size) == list(fingerprint(rows, size))


def test_what_the_server_cannot_count_is_said_and_the_rest_goes_on(database: Database) -> None:
    url = database("json")
    fill(url, range(3))
    with psycopg.connect(url) as connection:
        bad = json.dumps(payload(meta={"source": "a\0b"}))
        connection.execute("INSERT INTO traces VALUES (%s, now(), '1.0', %s)", (trace_id(9), bad))
    with open_store(url) as store:
        found = store.census()
        assert (found.rows, found.sources) == (4, {})
        assert found.uncounted is not None
        assert "unsupported Unicode escape sequence" in found.uncounted
        assert sum(partition.rows for partition in store.partitions(LAST_US, 8)) == 4


def test_a_password_with_an_at_sign_is_asked_for_in_its_escaped_form() -> None:
    with pytest.raises(TracesError) as refused:
        open_store("postgresql://u:s3cr@t@127.0.0.1:1/db")
    assert str(refused.value) == (
        "TRACES_DATABASE_URL: an @, / or ? in the user's name or the password must be written %40, %2F or %3F"
    )
