"""Behind a pooler: a store is read as the documentation promises, or refused at once with what to do."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import text

from tests.support.pooler import PGBOUNCER, dropping_pooler, pgbouncer
from tests.traces.store.test_postgresql import fill
from traces.errors import TracesError
from traces.store import open_store, open_writable
from traces.store import postgresql as postgresql_module
from traces.store.base import Store
from traces.store.write import StoreWriter
from traces.times import LAST_US

needs_pgbouncer = pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed (apt-get install pgbouncer)")
KEPT = "TimeZone", "DateStyle", "statement_timeout", "idle_in_transaction_session_timeout"


@pytest.fixture
def url(database: Callable[[str], str]) -> str:
    url = database("json")
    fill(url, range(50))
    return url


@pytest.fixture(params=["one that drops options", "pgbouncer session", "pgbouncer transaction"])
def pooled(request: pytest.FixtureRequest, url: str) -> Iterator[str]:
    """The URL of a database with 50 rows by way of a pooler."""
    kind, _, mode = request.param.partition(" ")
    if kind == "one":
        with dropping_pooler(url) as there:
            yield there
        return
    if PGBOUNCER is None:
        pytest.skip("PgBouncer is not installed (apt-get install pgbouncer)")
    with pgbouncer(url, pool_mode=mode, ignore_startup_parameters="options, extra_float_digits") as there:
        yield there


def settings_of(store: Store) -> list[str]:
    names = ("transaction_isolation", "transaction_read_only", *KEPT)
    return [str(store.connection.execute(text(f"SHOW {name}")).scalar()) for name in names]


def test_a_store_is_read_by_workers_in_one_snapshot(pooled: str, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER ROLE postgres SET statement_timeout = '7s'")
    try:
        with open_store(pooled) as store:
            assert settings_of(store) == ["repeatable read", "on", "UTC", "ISO, MDY", "0", "0"]
            pinned = store.partitions(LAST_US, 8)
            fill(url, range(60, 70))
            sources = store.sources(LAST_US, pinned) or []
            assert store.refuses_sessions(2) is None
            read = [row for source in sources for row in pickle.loads(pickle.dumps(source)).rows()]
            assert read == list(store.rows(LAST_US))
            assert len(read) == 50
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER ROLE postgres RESET statement_timeout")


def test_many_sessions_one_after_the_other_are_what_they_promise(pooled: str) -> None:
    for _ in range(12):  # psycopg prepares a statement at its fifth run
        with open_store(pooled) as store:
            assert store.census().rows == 50
            assert settings_of(store)[:2] == ["repeatable read", "on"]
    with psycopg.connect(pooled) as other:  # the next one who is given the session has nothing of ours
        assert other.execute("SHOW transaction_read_only").fetchone() == ("off",)


def test_options_that_a_pooler_drops_are_named(pooled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = f"{pooled}?options=-c%20search_path%3Dml%20-c%20work_mem%3D8MB"
    says = (
        r"^postgresql://postgres@127\.0\.0\.1:\d+/test_\d+: the connection's options do not hold "
        r"\(search_path, work_mem\): "
        "a pooler such as PgBouncer stands between and drops them; name the server's own address, or set them by ALTER "
        "ROLE ... SET$"
    )
    with pytest.raises(TracesError, match=says), open_store(asked):
        pass
    with pytest.raises(TracesError, match=says), StoreWriter(*open_writable(asked)):
        pass
    monkeypatch.setenv("PGOPTIONS", "-csearch_path=ml --work-mem=8MB")
    with pytest.raises(TracesError, match=says), open_store(pooled):
        pass


@needs_pgbouncer
@pytest.mark.parametrize(
    ("settings", "query", "says"),
    [
        (
            {"pool_mode": "statement"},
            "",
            "set its pool_mode to transaction or session, or name the server's own address",
        ),
        (
            {},
            "?options=-c%20work_mem%3D8MB",
            "accepts no such setting: set it by ALTER ROLE ... SET, or name the server's",
        ),
    ],
)
def test_what_pgbouncer_refuses_is_said_at_once(url: str, settings: dict[str, str], query: str, says: str) -> None:
    with (
        pgbouncer(url, **settings) as there,
        pytest.raises(TracesError, match=f"a pooler such as PgBouncer.*{says}"),
        open_store(there + query),
    ):
        pass


@needs_pgbouncer
def test_a_pool_with_too_few_sessions_is_found_out(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_module, "CONNECT_TIMEOUT_S", 1)
    with pgbouncer(url, pool_mode="transaction", default_pool_size="3") as there, open_store(there) as store:
        pinned = store.partitions(LAST_US, 8)
        assert store.sources(LAST_US, pinned)
        assert store.refuses_sessions(2) is None
        refusal = store.refuses_sessions(4)
        assert refusal is not None
        assert refusal.endswith(": no further session within 1 s")
        assert len(list(store.rows(LAST_US))) == 50


def test_a_balancer_s_other_server_is_found_out(database: Callable[[str], str], url: str) -> None:
    other = database("json")  # another database lacks the snapshot as another server does
    with open_store(url) as store:
        assert store.sources(LAST_US, store.partitions(LAST_US, 8))
        store._parameters = lambda: open_store(other).address.parameters()  # type: ignore[attr-defined]
        refusal = store.refuses_sessions(1)
        assert refusal is not None
        assert "snapshot" in refusal


def test_a_server_that_exports_no_snapshot_is_read_in_one_session(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_export_snapshot() FROM PUBLIC")
        connection.execute("CREATE ROLE no_snapshots LOGIN; GRANT SELECT ON traces TO no_snapshots")
    with open_store(url.replace("postgres:@", "no_snapshots@")) as store:
        pinned = store.partitions(LAST_US, 8)
        assert store.sources(LAST_US, pinned) is None
        assert len(list(store.rows(LAST_US))) == 50
        assert settings_of(store)[:2] == ["repeatable read", "on"]
