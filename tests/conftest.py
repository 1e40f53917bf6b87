"""Fixtures: a workspace for one stage, a repository with a built dataset, a real PostgreSQL."""

from __future__ import annotations

import itertools
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.faults.table import pytest_terminal_summary  # noqa: F401 - pytest finds it here
from tests.support.docs import marked
from tests.support.postgres import postgres_server
from tests.support.s3 import S3Server, s3_server
from tests.support.samples import row, write_jsonl
from tests.support.shell import ROOT, commit, copy_repository, forget_code, lay_out, replace, run
from traces.ungar.install import INSTALL, ungar_version


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if ungar_version() is None:
        skip = pytest.mark.skip(reason=f"UNGAR is not installed ({INSTALL})")
        for item in items:
            if "ungar" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRACES_DATABASE_URL", raising=False)
    monkeypatch.setenv("TRACES_WORKERS", "1")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `lay_out` makes, as the working directory."""
    lay_out(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which `dvc repro` has run. Not to be changed: take `repository`."""
    folder = copy_repository(tmp_path_factory.mktemp("built") / "project")
    run(folder, "dvc", "repro")
    return folder


@pytest.fixture
def repository(built: Path, tmp_path: Path) -> Path:
    """A clean repository of one's own with the dataset built: outputs, cache and run-cache are there."""
    folder = tmp_path / "project"
    shutil.copytree(built, folder, symlinks=True)
    return folder


@pytest.fixture(scope="session")
def two_branches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small repository, without the training run: `main` and `other` have both changed params and taken in traces.

    Not to be changed, but cloned: its cache has both datasets.
    """
    folder = copy_repository(tmp_path_factory.mktemp("branches") / "project")
    pipeline = (folder / "dvc.yaml").read_text()
    (folder / "dvc.yaml").write_text(re.sub(r"\n  smoke_train:\n(.+\n|\n(?=  ))*", "", pipeline))
    (folder / "dvc.lock").unlink()
    forget_code(folder)
    shutil.rmtree(folder / "data/recorded")
    add_traces(folder, "before", range(200))
    run(folder, "git", "branch", "other")
    replace(folder / "params.yaml", "system: null", "system: Think.")
    add_traces(folder, "ours", range(200, 220))
    run(folder, "git", "checkout", "-q", "other")
    replace(folder / "params.yaml", "min_characters: null", "min_characters: 20")
    add_traces(folder, "theirs", range(220, 240))
    run(folder, "git", "checkout", "-q", "main")
    run(folder, "dvc", "checkout", "-q")
    return folder


def add_traces(folder: Path, name: str, numbers: range) -> None:
    """A recording more, and the commit of the dataset that has it."""
    write_jsonl(folder / f"data/recorded/{name}.jsonl.gz", map(row, numbers))
    run(folder, "traces", "pin")
    run(folder, "dvc", "repro", "-q")
    commit(folder, name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a real PostgreSQL's superuser."""
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A real S3 server. Each test makes buckets of its own."""
    with s3_server() as server:
        yield server


_numbers = itertools.count()


@pytest.fixture(scope="session")
def database(postgres: str) -> Callable[[str], str]:
    """Makes databases, each with its own `traces` table: `database("json")`, `"jsonb"`, or `""` for none."""

    def make(payload_type: str) -> str:
        name = f"test_{next(_numbers)}"
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        url = postgres.replace("/postgres?", f"/{name}?")
        if payload_type:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(
                    "CREATE TABLE traces (id uuid PRIMARY KEY, created_at timestamptz NOT NULL, "  # type: ignore[arg-type]
                    f"trace_version varchar(64) NOT NULL, payload {payload_type} NOT NULL)"
                )
                connection.execute("CREATE INDEX ON traces (created_at)")
        return url

    return make


@pytest.fixture
def require_password(postgres: str) -> Callable[[str, str], str]:
    """Makes the role `locked`, which has to give its password, and returns its URL of a database."""

    def lock(url: str, password: str) -> str:
        with psycopg.connect(postgres, autocommit=True) as connection:
            make_role(connection, f"CREATE ROLE locked LOGIN PASSWORD '{password}'")
        return url.replace("postgres:@", f"locked:{password}@")

    return lock


@pytest.fixture(scope="session")
def reader(postgres: str) -> Callable[[str, str], str]:
    """Makes the role of docs/security.md, which has to give its password, and returns its URL of a database."""

    def make(url: str, password: str) -> str:
        quoted = password.replace("'", "''")
        written = marked(ROOT / "docs/security.md", "sql: a role that may only read")
        written = written.replace("'secret'", f"'{quoted}'").replace(
            "DATABASE traces ", f"DATABASE {make_url(url).database} "
        )
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in filter(str.strip, written.split(";\n")):
                if statement.startswith("CREATE ROLE"):
                    make_role(connection, statement)
                else:
                    connection.execute(statement.encode())
        return url.replace("postgres:@", f"reader:{quote(password, safe='')}@")

    return make


def make_role(connection: psycopg.Connection[Any], statement: str) -> None:
    """Make a role, or give the one that an earlier test made its password; from now on the server asks for that."""
    role = statement.split()[2]
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    connection.execute((statement.replace("CREATE", "ALTER", 1) if found else statement).encode())
    (rules,) = connection.execute("SHOW hba_file").fetchone() or ("",)
    path = Path(rules)
    rule = f"local all {role} scram-sha-256\nhost all {role} all scram-sha-256\n"
    if rule in path.read_text():
        return
    path.write_text(rule + path.read_text())
    connection.execute("SELECT pg_reload_conf()")
    for _ in range(100):
        try:
            psycopg.connect(connection.info.dsn, user=role, password="none of its own").close()
        except psycopg.OperationalError:
            return
        time.sleep(0.05)
    pytest.fail("PostgreSQL asks for no password")
