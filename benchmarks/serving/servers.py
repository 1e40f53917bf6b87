"""The service, and an nginx with the same bytes, each for as long as it is measured."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from benchmarks.serving.dataset import Served

START_S = 60
WORKERS = 2
SMALL = 1024  # bytes of the file that nginx's requests are for
_NGINX = Template("""\
daemon off;
$user
worker_processes $workers;
pid $folder/nginx.pid;
error_log $folder/error.log warn;
events { worker_connections 1024; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000000;
    default_type application/jsonl;
    client_body_temp_path $folder/tmp;
    proxy_temp_path $folder/tmp;
    fastcgi_temp_path $folder/tmp;
    uwsgi_temp_path $folder/tmp;
    scgi_temp_path $folder/tmp;
    server { listen 127.0.0.1:$port; root $folder; }
}
""")


@dataclass(frozen=True)
class Server:
    """A server's first process, its port, and what to ask for: the export, and something small."""

    name: str
    pid: int
    port: int
    export: str
    small: str


@contextmanager
def service(served: Served) -> Iterator[Server]:
    """The service of a repository."""
    port = _free_port()
    command = [sys.executable, "-m", "service", "--port", str(port)]
    export = f"/api/datasets/{served.dataset_id}/export.jsonl"
    with _running(command, served.folder, served.settings, port) as pid:
        yield Server("the service", pid, port, export, "/api/status")


@contextmanager
def nginx(served: Served) -> Iterator[Server]:
    """An nginx that knows the same bytes as one file."""
    port, folder = _free_port(), served.file.parent
    (folder / "small").write_bytes(b"x" * SMALL)
    (folder / "tmp").mkdir(exist_ok=True)
    # Where root starts it, its workers would be somebody who may not read here.
    user = f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""
    text = _NGINX.substitute(user=user, workers=WORKERS, folder=folder, port=port)
    (folder / "nginx.conf").write_text(text)
    command = [nginx_command() or "nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with _running(command, folder, served.settings, port) as pid:
        yield Server("nginx", pid, port, f"/{served.file.name}", "/small")


def nginx_command() -> str | None:
    """Where nginx is; None where it is not. Debian has it where no user's PATH leads."""
    return shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")


def nginx_version() -> str | None:
    """Its version."""
    command = nginx_command()
    if command is None:
        return None
    said = subprocess.run([command, "-v"], capture_output=True, check=False, encoding="utf-8").stderr  # noqa: S603
    found = re.search(r"nginx/(\S+)", said)
    return found[1] if found else "unknown"


@contextmanager
def _running(command: Sequence[str], folder: Path, settings: dict[str, str], port: int) -> Iterator[int]:
    log = folder.parent / f"{Path(command[0]).name}.log"
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=folder, env=settings, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
    try:
        until = time.monotonic() + START_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > until:
                sys.exit(f"benchmarks: {' '.join(command)}: does not start\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
