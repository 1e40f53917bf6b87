"""Exports of any bytes to stream, and clients that read as they like."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.processes import PAGE
from benchmarks.serving.dataset import lay_export
from tests.service.running import Service
from tests.support.shell import environment

MB = 1 << 20


def lay(folder: Path, **sizes: int) -> tuple[str, bytes]:
    """A dataset of shards of so many bytes, by their split; the path of its stream, and what it is."""
    rng = random.Random(1)
    shards = [(f"{split}-00000.jsonl", rng.randbytes(size)) for split, size in sizes.items()]
    dataset_id = lay_export(folder, shards, environment())
    return f"/api/datasets/{dataset_id}/export.jsonl", b"".join(data for _, data in shards)


@contextmanager
def asked(service: Service, path: str, *headers: str) -> Iterator[socket.socket]:
    """A client that has asked, and so far read nothing; the kernel holds little for it."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        client.settimeout(60)
        client.connect(("127.0.0.1", int(service.url.rpartition(":")[2])))
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
        client.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        yield client


def open_objects(service: Service) -> list[str]:
    """The objects of DVC's cache that a service has open."""
    folder = Path(f"/proc/{service.process.pid}/fd")
    found = []
    for handle in folder.iterdir():
        with suppress(FileNotFoundError):
            found.append(str(handle.readlink()))
    return [path for path in found if "/.dvc/cache/files/" in path]


def resident(service: Service) -> int:
    """Bytes of memory that a service holds."""
    return int(Path(f"/proc/{service.process.pid}/statm").read_text().split()[1]) * PAGE
