"""A PostgreSQL with generated traces, run by a process of its own that ends with this one, also when that is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from benchmarks.generate import SEED, START, Row, generate
from benchmarks.server import started_server
from traces.store.table import COLUMNS, metadata

ROOT = Path(__file__).parent.parent


@contextmanager
def database_server(folder: Path) -> Iterator[str]:
    """A server with its data in `folder`; yields its URL. The data stays."""
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "benchmarks.database", str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # an interrupt from the keyboard ends the benchmark, which then ends the server
    )
    try:
        url = process.stdout.readline().strip() if process.stdout else ""
        if not url:
            sys.exit("benchmarks: PostgreSQL did not start; what it said is above")
        yield url
    finally:
        process.communicate(timeout=120)


def create_database(url: str, name: str) -> str:
    """The URL of a new, empty database in the server at `url`; one of that name is dropped."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def load(url: str, count: int) -> None:
    """Fill an empty database with `count` traces."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    metadata.create_all(engine)
    engine.dispose()
    _copy(url, generate(count))


def append(url: str, count: int, seed: int = SEED + 1) -> None:
    """Add `count` traces that are newer than those in the database."""
    with psycopg.connect(url) as connection:
        (newest,) = connection.execute("SELECT max(created_at) FROM traces").fetchone() or (None,)
    _copy(url, generate(count, seed, (newest or START) + timedelta(minutes=1)))


def count_rows(url: str) -> int:
    """How many traces the database has; 0 where it has no table."""
    with psycopg.connect(url) as connection:
        (table,) = connection.execute("SELECT to_regclass('traces')").fetchone() or (None,)
        if table is None:
            return 0
        (count,) = connection.execute("SELECT count(*) FROM traces").fetchone() or (0,)
    return int(count)


def server_count(url: str, query: str) -> int:
    """A number that the server keeps of a database, once every other session there has told its part."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(url, autocommit=True) as connection:
        # Which it does when it ends, a moment after its client has.
        while (connection.execute(others).fetchone() or (0,))[0]:
            time.sleep(0.05)
        (count,) = connection.execute(query).fetchone() or (0,)
    return int(count)


def _copy(url: str, rows: Iterator[Row]) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    with psycopg.connect(url, autocommit=True) as connection:
        with (
            connection.cursor() as cursor,
            cursor.copy(sql.SQL("COPY traces ({}) FROM STDIN").format(columns)) as copy,
        ):
            for row in rows:
                copy.write_row(row)
        # What the server would otherwise do later, while something is measured.
        connection.execute("VACUUM ANALYZE traces")
        connection.execute("CHECKPOINT")


def serve(
    folder: Annotated[Path, typer.Argument(help="Where the server keeps its data.")],
    rows: Annotated[int, typer.Option(min=0, help="Load so many traces, where there are none.")] = 0,
) -> None:
    """Start a PostgreSQL, print its URL, and wait until standard input is closed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with started_server(folder) as url:
        if rows and not count_rows(url):
            load(url, rows)
        print(url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    typer.run(serve)
