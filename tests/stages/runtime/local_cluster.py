"""A real Dask cluster on loopback: a scheduler and workers, each a process of its own."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.shell import BIN, ROOT, environment

DASK = str(BIN / "dask")


@contextmanager
def dask_cluster(folder: Path, workers: int) -> Iterator[str]:
    """The address of a scheduler with so many workers of one thread each."""
    known = folder / "scheduler.json"
    with ExitStack() as stack:
        run = stack.enter_context
        run(
            _process(
                folder,
                "scheduler",
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--no-dashboard",
                "--scheduler-file",
                str(known),
            )
        )
        deadline = time.monotonic() + 60
        while not known.exists() or not known.read_text():
            if time.monotonic() > deadline:
                raise RuntimeError("the scheduler did not start")
            time.sleep(0.05)
        address: str = json.loads(known.read_text())["address"]
        for _ in range(workers):
            run(
                _process(
                    folder, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"
                )
            )
        yield address


@contextmanager
def _process(folder: Path, *arguments: str) -> Iterator[None]:
    with (folder / f"{arguments[0]}.log").open("ab") as log:
        process = subprocess.Popen(
            [DASK, *arguments], cwd=folder, env=environment(PYTHONPATH=str(ROOT)), stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)
