"""What the service does while many stream from it, beside nginx."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.bench import say
from benchmarks.measure import ROOT
from benchmarks.processes import cpu_seconds, tree_memory
from benchmarks.serving.client import Asked, Streamed
from benchmarks.serving.dataset import Served, make_dataset
from benchmarks.serving.servers import Server, nginx, nginx_command, service

MB = 10**6
LOOK_S = 0.25
SETTLE_S = 2.0
SLOW = 100_000  # bytes a second
LATE = 5
CONNECTIONS = 16
ASK_S = 10.0


@dataclass(frozen=True)
class Memory:
    """Bytes that a server's processes held: before, then each quarter of a second."""

    before: int
    looks: list[int]

    @property
    def peak(self) -> int:
        """The most."""
        return max(self.looks)

    def quarter(self, number: int) -> int:
        """The median of a quarter of the time: 0 is the first, 3 the last."""
        quarter = self.looks[len(self.looks) * number // 4 : max(1, len(self.looks) * (number + 1) // 4)]
        return sorted(quarter)[len(quarter) // 2]


@dataclass(frozen=True)
class Run:
    """A run of clients, the CPU seconds that the server took for it, and its memory."""

    streamed: Streamed
    cpu: float
    memory: Memory


@dataclass(frozen=True)
class Answers:
    """A run of requests, and the CPU seconds that the server took for them."""

    asked: Asked
    cpu: float


@dataclass(frozen=True)
class OfServer:
    """What one server did: `alone` without a slow client, `beside` with one."""

    alone: Run
    beside: Run
    answers: Answers


@dataclass(frozen=True)
class Load:
    """Of the service, and of nginx where it is installed."""

    clients: int
    size: int
    shards: int
    service: OfServer
    nginx: OfServer | None


def run(work: Path, megabytes: int, clients: int) -> Load:
    """Measure both servers, one after the other, with the same clients."""
    say(f"making an export of {megabytes} MB")
    served = make_dataset(work, megabytes * MB)
    _read(served)
    theirs = None
    if nginx_command():
        with nginx(served) as server:
            theirs = _measured(server, clients)
    else:
        say("nginx is not installed (`apt-get install nginx-light`): there is nothing to compare with")
    with service(served) as server:
        _wait_for_status(server)
        ours = _measured(server, clients)
    return Load(clients, served.size, served.shards, ours, theirs)


def _measured(server: Server, clients: int) -> OfServer:
    say(f"{server.name}: {clients} clients")
    alone = _stream(server, clients, late=LATE)
    say(f"{server.name}: {clients} clients, and a slow one")
    beside = _stream(server, clients, slow=SLOW)
    say(f"{server.name}: requests")
    before = cpu_seconds(server.pid)
    asked = Asked(**_client("ask", port=server.port, path=server.small, connections=CONNECTIONS, seconds=ASK_S))
    return OfServer(alone, beside, Answers(asked, cpu_seconds(server.pid) - before))


def _stream(server: Server, clients: int, **others: int) -> Run:
    time.sleep(SETTLE_S)
    before = cpu_seconds(server.pid)
    with _watched(server.pid) as memory:
        streamed = Streamed(**_client("stream", port=server.port, path=server.export, clients=clients, **others))
    return Run(streamed, cpu_seconds(server.pid) - before, memory)


@contextmanager
def _watched(pid: int) -> Iterator[Memory]:
    memory, stop = Memory(tree_memory(pid), []), threading.Event()

    def look() -> None:
        while not stop.wait(LOOK_S):
            memory.looks.append(tree_memory(pid))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield memory
    finally:
        stop.set()
        watcher.join()
        memory.looks.append(tree_memory(pid))


def _client(what: str, **asked: Any) -> Any:
    """What a client, a process of its own, has seen."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.serving.client"],
        cwd=ROOT,
        input=json.dumps({"what": what, **asked}),
        stdout=subprocess.PIPE,
        check=False,
        encoding="utf-8",
    )
    if done.returncode:
        sys.exit(done.returncode)
    return json.loads(done.stdout)


def _read(served: Served) -> None:
    """Read all of it once, so that neither server waits for the disk."""
    for path in (served.file, *(served.folder / ".dvc/cache").rglob("*")):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.read(MB):
                    pass


def _wait_for_status(server: Server) -> None:
    """Until the service has looked what it works with."""
    import httpx

    for _ in range(600):
        if httpx.get(f"http://127.0.0.1:{server.port}{server.small}").json()["as_of"] >= 0:
            return
        time.sleep(0.1)
    sys.exit("benchmarks: the service does not say what it works with")
