"""What a person sets for libpq holds in every session: variables, service files, the URL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from tests.support.samples import payload, row, trace_id, write_jsonl
from tests.support.shell import ROOT
from traces.errors import TracesError
from traces.store import open_store, open_writable
from traces.store.source import CopySource
from traces.times import LAST_US


@pytest.fixture
def url(database: Callable[[str], str]) -> str:
    """The URL of a database with one row in its schema `public`, and two in `ml`."""
    url = database("json")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA ml; CREATE TABLE ml.traces (LIKE traces INCLUDING ALL)")
        for schema, number in (("public", 1), ("ml", 2), ("ml", 3)):
            connection.execute(
                f"INSERT INTO {schema}.traces VALUES (%s, '2026-01-01', '1.0', %s)",  # type: ignore[arg-type]
                (trace_id(number), json.dumps(payload(number))),
            )
    return url


def service(folder: Path, url: str, **more: str) -> str:
    at = {**conninfo_to_dict(url), **more}
    path = folder / "services.conf"
    path.write_text("[mine]\n" + "".join(f"{key}={value}\n" for key, value in at.items()))
    return str(path)


Ways = dict[str, Callable[[str, Path], tuple[str, dict[str, str]]]]
ML = "-c search_path=ml"
WAYS: Ways = {
    "PGOPTIONS": lambda url, _: (url, {"PGOPTIONS": ML}),
    "the URL": lambda url, _: (f"{url}&options=-c%20search_path%3Dml", {}),
    "a service in the URL": lambda url, folder: (
        "postgresql:///?service=mine",
        {"PGSERVICEFILE": service(folder, url, options=ML)},
    ),
    "PGSERVICE": lambda url, folder: (
        "postgresql://",
        {"PGSERVICEFILE": service(folder, url, options=ML), "PGSERVICE": "mine", "PGHOST": "nowhere.invalid"},
    ),
    "PGHOST and PGDATABASE": lambda url, _: (
        "postgresql+psycopg://",
        {
            "PGOPTIONS": "--search-path=ml",
            "PGHOST": str(conninfo_to_dict(url)["host"]),
            "PGDATABASE": str(conninfo_to_dict(url)["dbname"]),
            "PGUSER": "postgres",
        },
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_schema_that_a_person_chooses_is_read_and_written(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    address, variables = WAYS[way](url, tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with open_store(address) as store:
        assert [found.id for found in store.rows(LAST_US)] == sorted(map(trace_id, (2, 3)))
        sources = store.sources(LAST_US, store.partitions(LAST_US, 8)) or []
        assert store.refuses_sessions(1) is None
        # A worker on another machine has none of these variables.
        for name in variables:
            monkeypatch.delenv(name)
        assert len([found for source in sources for found in source.rows()]) == 2
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    engine, _ = open_writable(address)
    with engine.connect() as connection:
        assert connection.execute(text("SHOW search_path")).scalar() == "ml"
    engine.dispose()


def test_the_commands_mean_one_table(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = write_jsonl(tmp_path / "four.jsonl", map(row, range(10, 14)))
    monkeypatch.setenv("PGOPTIONS", ML)
    command = [sys.executable, "-m", "commands.app", "ingest", str(lines), "--to", url]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    with open_store(url) as store:
        assert store.census().rows == 6


def test_a_person_s_options_stand_beside_what_is_promised(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "PGOPTIONS",
        "-c default_transaction_read_only=off -c default_transaction_isolation=serializable -c TimeZone=Asia/Kathmandu "
        "-c DateStyle=German -c idle_in_transaction_session_timeout=8s "
        "-c statement_timeout=9s -c work_mem=8MB -c my.own=7",
    )
    monkeypatch.setenv("PGTZ", "Asia/Tokyo")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    monkeypatch.setenv("PGAPPNAME", "mine")
    wanted = {
        "transaction_read_only": "on", "transaction_isolation": "repeatable read", "TimeZone": "UTC",
        "DateStyle": "ISO, DMY", "idle_in_transaction_session_timeout": "0", "statement_timeout": "9s",
        "work_mem": "8MB", "my.own": "7", "client_encoding": "UTF8", "application_name": "mine",
    }  # fmt: skip
    query = "SELECT " + ", ".join(f"current_setting('{name}')" for name in wanted)
    with open_store(url) as store:
        assert dict(zip(wanted, store.connection.execute(text(query)).one(), strict=True)) == wanted
        (source,) = store.sources(LAST_US, store.partitions(LAST_US, 10**6)) or []
        assert isinstance(source, CopySource)
        source.connection["application_name"] = "mine too"
        columns = "current_setting('work_mem'), 0::int8, current_setting('transaction_isolation'), NULL::bytea"
        (found,) = CopySource(source.connection, source.snapshot, (f"SELECT {columns}",), "").rows()
        assert tuple(found) == ("8MB", 0, "repeatable read", None)


def test_a_limit_that_a_person_sets_is_met(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=200")
    with open_store(url) as store, pytest.raises(TracesError, match="due to statement timeout"), store.errors():
        store.connection.execute(text("SELECT pg_sleep(5)"))


@pytest.mark.parametrize(
    ("variables", "query", "seconds"),
    [({}, "", "10"), ({"PGCONNECT_TIMEOUT": "3"}, "", "3"), ({"PGCONNECT_TIMEOUT": "3"}, "&connect_timeout=4", "4")],
)
def test_how_long_to_wait_for_a_server_is_a_person_s_choice(
    monkeypatch: pytest.MonkeyPatch, url: str, variables: dict[str, str], query: str, seconds: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with open_store(url + query) as store:
        info = store.connection.connection.driver_connection.info  # type: ignore[union-attr]
        assert info.get_parameters()["connect_timeout"] == seconds


def test_a_service_that_is_not_there_is_named(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSERVICEFILE", service(tmp_path, url))
    says = r'^postgresql:///\?service=gone: .*definition of service "gone" not found'
    with pytest.raises(TracesError, match=says), open_store("postgresql:///?service=gone"):
        pass


def test_several_hosts_are_tried_in_turn_and_workers_go_where_the_snapshot_is(url: str, postgres: str) -> None:
    at = conninfo_to_dict(url)
    folder = str(at["host"]).replace("/", "%2F")
    for hosts, query in (
        (f"127.0.0.1:1,{folder}:5432", "?target_session_attrs=any"),
        (f"127.0.0.1:1,[::1]:1,{folder}", "?target_session_attrs=read-write&load_balance_hosts=random"),
        (f"{folder}", "?target_session_attrs=prefer-standby"),
        ("", f"?host=127.0.0.1,{folder}&port=1,5432"),
    ):
        with open_store(f"postgres://postgres@{hosts}/{at['dbname']}{query}") as store:
            sources = store.sources(LAST_US, store.partitions(LAST_US, 8)) or []
            (source,) = sources
            assert isinstance(source, CopySource)
            assert (source.connection["host"], source.connection["port"]) == (at["host"], "5432")
            assert len(list(source.rows())) == 1
    label = f"postgresql://me:***@127.0.0.1:1,[::1]:2/{at['dbname']}"
    with pytest.raises(TracesError) as refused, open_store(f"{label.replace('***', 'hun%40ter2')}?connect_timeout=2"):
        pass
    assert str(refused.value).startswith(f"{label}: ")
    assert "ter2" not in str(refused.value)
    standby = f"postgresql://postgres@{folder}/{at['dbname']}?target_session_attrs=standby"
    with pytest.raises(TracesError, match="server is not in hot standby mode"), open_store(standby):
        pass
