"""A real PostgreSQL, run by a process of its own that ends with the tests, also when those are killed.

`python -m tests.support.postgres` starts a server, prints its URL and waits for its standard input to close: which
happens when the parent ends, however it ends. Its data lies in no folder of pytest's: each run of pytest takes those
away from other users, and so from the server of a run that goes on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.server import started_server


@contextmanager
def postgres_server() -> Iterator[str]:
    """A server; yields the URL of its superuser."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.postgres"],
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
        process.communicate(timeout=60)


def serve() -> None:
    with tempfile.TemporaryDirectory(prefix="postgres.") as folder, started_server(Path(folder)) as url:
        print(url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    serve()
