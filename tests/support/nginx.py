"""A real nginx on loopback, with the blocks that a test gives it."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.serving.servers import nginx_command

MISSING = "no nginx here (on Debian: apt-get install nginx)"
START_S = 20


@contextmanager
def nginx(folder: Path, port: int, blocks: str) -> Iterator[Path]:
    """Run nginx with these `server` blocks until the context ends, and yield its log.

    It listens on `port`. All that the blocks do not set is as nginx has it by itself, buffering included.
    """
    command = nginx_command()
    assert command is not None, MISSING
    folder.mkdir(parents=True, exist_ok=True)
    # The workers of an nginx that root starts would belong to a user who cannot read the test's folder.
    user = f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""
    places = "\n".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config, log = folder / "nginx.conf", folder / "error.log"
    config.write_text(
        f"daemon off; {user} worker_processes 1; pid {folder}/nginx.pid;\n"
        f"events {{ worker_connections 256; }}\nhttp {{ access_log off;\n{places}\n{blocks}\n}}\n"
    )
    process = subprocess.Popen([command, "-c", str(config), "-e", str(log)], stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_S
        while not _listens(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.02)
        yield log
    finally:
        process.terminate()
        process.wait(30)


def _listens(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False
