"""A real service, in a repository with a built dataset."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

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

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self) -> None:
        self.client.close()
        self.reader.close()


@contextmanager
def running(folder: Path, *options: str, **settings: str) -> Iterator[Service]:
    """Start a service in a repository, and end it."""
    port = free_port()
    log = folder.parent / f"service-{port}.log"
    env = environment() | {"TRACES_SERVE_TOKEN": TOKEN} | settings
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "--port", str(port), *options],
            cwd=folder, env={key: value for key, value in env.items() if value}, stdout=said, stderr=said,
        )  # fmt: skip
    service = Service(folder, f"http://127.0.0.1:{port}", process, log)
    try:
        wait_for(service)
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


def wait_for(service: Service) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert service.process.poll() is None, service.log.read_text()
        try:
            socket.create_connection(("127.0.0.1", int(service.url.rpartition(":")[2])), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"not up after {START_S} s: {service.log.read_text()}")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def service(repository: Path) -> Iterator[Service]:
    with running(repository) as found:
        yield found
        assert "Traceback" not in found.log.read_text()


@pytest.fixture(scope="session")
def standing(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests that change nothing, in a repository of its own."""
    folder = tmp_path_factory.mktemp("standing") / "project"
    shutil.copytree(built, folder, symlinks=True)
    with running(folder) as found:
        yield found
        assert "Traceback" not in found.log.read_text()
