"""Poolers before a PostgreSQL: one that drops a connection's options, and PgBouncer where it is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")

# Passes on a start-up message without its options, and then whatever comes.
_DROPPING = """
import socket, struct, sys, threading

def pipe(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

def exactly(client, size):
    data = b""
    while len(data) < size:
        data += client.recv(size - len(data)) or sys.exit()
    return data

def serve(client):
    while True:
        size, code = struct.unpack("!II", exactly(client, 8))
        body = exactly(client, size - 8)
        if code not in (80877103, 80877104):  # encryption: no
            break
        client.sendall(b"N")
    if code == 196608:
        words = body.rstrip(b"\\0").split(b"\\0")
        pairs = [pair for pair in zip(words[::2], words[1::2]) if pair[0] != b"options"]
        body = b"\\0".join(word for pair in pairs for word in pair) + b"\\0\\0"
    server = socket.socket(socket.AF_UNIX)
    server.connect(sys.argv[1])
    server.sendall(struct.pack("!II", len(body) + 8, code) + body)
    threading.Thread(target=pipe, args=(client, server), daemon=True).start()
    pipe(server, client)

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


@contextmanager
def dropping_pooler(url: str) -> Iterator[str]:
    """A pooler that drops `options`, as PgBouncer does with `ignore_startup_parameters = options`; yields its URL."""
    at = conninfo_to_dict(url)
    with subprocess.Popen(
        [sys.executable, "-c", _DROPPING, f"{at['host']}/.s.PGSQL.5432"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield f"postgresql://{at['user']}@127.0.0.1:{process.stdout.readline().strip()}/{at['dbname']}"
        finally:
            process.kill()


@contextmanager
def pgbouncer(url: str, **settings: str) -> Iterator[str]:
    """A real PgBouncer before the server of `url`, with these settings; yields its URL of the same database."""
    assert PGBOUNCER is not None
    at = conninfo_to_dict(url)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lines = {
        "listen_addr": "127.0.0.1",
        "listen_port": str(port),
        "unix_socket_dir": "",
        "auth_type": "any",
        **(
            {"user": Path(str(at["host"]), ".s.PGSQL.5432").owner()} if os.getuid() == 0 else {}
        ),  # it refuses to run as root
        **settings,
    }
    text = f"[databases]\n* = host={at['host']} port=5432 user={at['user']}\n[pgbouncer]\n"
    text += "".join(f"{name} = {value}\n" for name, value in lines.items())
    with tempfile.TemporaryDirectory(prefix="pgbouncer.") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "pgbouncer.ini").write_text(text)
        log = folder / "log"
        with (
            log.open("w") as file,
            subprocess.Popen([PGBOUNCER, str(folder / "pgbouncer.ini")], stdout=file, stderr=file) as process,
        ):
            try:
                _await(port, log)
                yield f"postgresql://{at['user']}@127.0.0.1:{port}/{at['dbname']}"
            finally:
                process.terminate()


def _await(port: int, log: Path) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(log.read_text())
