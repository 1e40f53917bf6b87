"""A real service in a repository, and clients of it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from service.jobs.journal import all_jobs
from service.jobs.marks import marked_processes
from tests.support.shell import environment

TOKEN = "a-token-of-the-tests-" * 2  # so that this file does not hold it, which a copy of the repository has
START_S = 60


@dataclass
class Service:
    """A running service. `client` may write, `reader` has no token."""

    folder: Path
    url: str
    process: subprocess.Popen[bytes]
    log: Path
    client: httpx.Client = field(init=False)
    reader: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=300)
        self.reader = httpx.Client(base_url=self.url, timeout=60)

    @property
    def base(self) -> str:
        """The dataset of the repository's own commit."""
        (found,) = (one for one in self.get("/api/datasets")["datasets"] if "HEAD" in one["names"])
        return str(found["dataset_id"])

    def get(self, path: str) -> Any:
        """What is answered, as JSON."""
        return self.client.get(path).raise_for_status().json()

    def build(self, **request: Any) -> str:
        """Build a dataset, and return its id."""
        asked = {"version": "v1", "formats": ["tunix_sft"], **request}
        answer = self.client.post("/api/datasets/build?wait=true", json=asked)
        assert answer.is_success, answer.text
        return str(answer.json()["dataset_id"])

    def wait_until_looked(self) -> None:
        """Wait until it knows what it works with."""
        self._wait(lambda: bool(self.get("/api/status")["as_of"] >= 0))

    def wait_until_up(self) -> None:
        """Wait until it listens."""
        address = ("127.0.0.1", int(self.url.rpartition(":")[2]))

        def listens() -> bool:
            try:
                socket.create_connection(address, 1).close()
            except OSError:
                return False
            return True

        self._wait(listens)

    def _wait(self, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + START_S
        while not is_so():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, f"not so after {START_S} s: {self.log.read_text()}"
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self) -> None:
        self.client.close()
        self.reader.close()


@contextmanager
def running(folder: Path, *options: str, port: int = 0, **settings: str) -> Iterator[Service]:
    """Start a service in a repository, on a free port if none is given, and end it."""
    port = port or free_port()
    log = folder.parent / f"service-{port}.log"
    env = environment() | {"TRACES_SERVE_TOKEN": TOKEN} | settings
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "--port", str(port), *options],
            cwd=folder, env={key: value for key, value in env.items() if value}, stdout=said, stderr=said,
        )  # fmt: skip
    service = Service(folder, f"http://127.0.0.1:{port}", process, log)
    try:
        service.wait_until_up()
        yield service
    finally:
        service.close()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        # Jobs outlive the service, and are not to outlive the test.
        for job in all_jobs(folder):
            for pid in marked_processes(job.folder):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
