"""A real PostgreSQL, run by a process of its own that ends with the tests, also when those are killed.

`python -m tests.support.postgres` starts a server, prints its URL and waits for its standard input to close: which
happens when the parent ends, however it ends. Its data lies in no folder of pytest's: each run of pytest takes those
away from other users, and so from the server of a run that goes on. With a folder behind, it lies there, and stays.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import psycopg

from benchmarks.server import started_server


@contextmanager
def postgres_server(*folder: str) -> Iterator[str]:
    """A server, with its data in `folder` if it is to stay; yields the URL of its superuser."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.postgres", *folder],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # an interrupt from the keyboard ends the tests, which then end the server
    )
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError("PostgreSQL did not start")
        yield url
    finally:
        process.communicate(timeout=300)  # as long as a busy disk takes


def serve(*folder: str) -> None:
    with (
        nullcontext(*folder) if folder else tempfile.TemporaryDirectory(prefix="postgres.") as place,
        started_server(Path(place)) as url,
    ):
        with psycopg.connect(url, autocommit=True) as connection:
            # No test cuts the power, and what a test writes need not reach the disk.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        print(url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    serve(*sys.argv[1:])
