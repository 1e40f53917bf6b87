"""What a command takes, its whole process tree: wall, CPU, memory, writes, and the database server's CPU beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import psycopg

from benchmarks.processes import cpu_seconds, parent

ROOT = Path(__file__).parent.parent
SHOWN = 20  # last lines of a command that failed


@dataclass(frozen=True)
class Measurement:
    """Of one command. Seconds and bytes.

    `cpu` is of the command's process tree, `server_cpu` the database server's meanwhile. `peak` is the largest sum of
    the tree's memory that was seen, `anonymous` the largest without pages of files, which the kernel may drop.
    """

    wall: float
    cpu: float
    server_cpu: float
    peak: int
    anonymous: int
    written: int

    def without(self, parts: Iterable[Measurement]) -> Measurement:
        """What its parts, which ran one after the other, leave of it. Memory does not add up, and is 0."""
        held = list(parts)
        return Measurement(
            wall=self.wall - sum(part.wall for part in held),
            cpu=self.cpu - sum(part.cpu for part in held),
            server_cpu=self.server_cpu - sum(part.server_cpu for part in held),
            peak=0,
            anonymous=0,
            written=self.written - sum(part.written for part in held),
        )


def median(held: Sequence[Measurement]) -> Measurement:
    """The median of each figure by itself, of an odd number of measurements."""
    return Measurement(*(sorted(figures)[len(held) // 2] for figures in zip(*map(astuple, held), strict=True)))


def require_linux() -> None:
    """Say where measuring cannot work, in one line."""
    if not Path("/proc/self/io").is_file():
        sys.exit("benchmarks: a process tree is measured by Linux's /proc, which is not there; run it on Linux")


def server_process(url: str) -> int:
    """The process of the local server at `url` that all of its others are below."""
    with psycopg.connect(url) as connection:
        return parent(connection.info.backend_pid)


def measure(
    command: Sequence[str], folder: Path, settings: Mapping[str, str], server: int | None = None
) -> Measurement:
    """Run a command in `folder` with exactly these `settings` as its environment; a failure ends the benchmark.

    `server` is the process of the database server that it talks to.
    """
    os.sync()  # what an earlier command wrote is not this one's to wait for
    before = cpu_seconds(server) if server else 0.0
    with tempfile.TemporaryDirectory() as scratch:
        result, log = Path(scratch) / "result.json", Path(scratch) / "log"
        with log.open("wb") as output:
            runner = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "benchmarks.runner", str(result), str(folder), *command],
                cwd=ROOT,  # where the runner is found, whatever the command's PYTHONPATH
                env=dict(settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                runner.wait()
            finally:
                runner.terminate()
                runner.wait()
        held = json.loads(result.read_text()) if result.is_file() else {"code": runner.returncode or 1}
        if held.pop("code"):
            lines = log.read_text(errors="replace").splitlines()[-SHOWN:]
            sys.exit("\n".join([f"benchmarks: {' '.join(command)}: failed", *lines]))
    return Measurement(server_cpu=cpu_seconds(server) - before if server else 0.0, **held)
