"""What all parts of a benchmark share: the server with its stores, a folder to work in, and the build in question."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from benchmarks.database import create_database, load
from benchmarks.measure import Measurement
from benchmarks.ours import PROCESSES, STAGES, Workspace, prepared

TINY = 300  # traces: a build of so few is start-up
TINY_PARTITION = 64  # rows, so that there are several partitions, and workers start as in a large build


@dataclass(frozen=True)
class Built:
    """A workspace with a dataset in it, and what that took."""

    workspace: Workspace
    pin: Measurement
    build: Measurement

    @property
    def cpu(self) -> float:
        """CPU seconds of the whole of it."""
        return self.pin.cpu + self.build.cpu


@dataclass
class Bench:
    """A run of the benchmark. `server` is the process of the server at `url`."""

    work: Path
    rows: int
    url: str
    server: int
    _stores: dict[int, str] = field(default_factory=dict)

    def store(self, rows: int) -> str:
        """The URL of a store with so many traces: the first of them, where it is a smaller one."""
        if rows not in self._stores:
            say(f"loading {rows:,} traces into PostgreSQL")
            self._stores[rows] = create_database(self.url, f"bench_{rows}")
            load(self._stores[rows], rows)
        return self._stores[rows]

    @cached_property
    def built(self) -> Built:
        """The build of all traces in one format."""
        return self._build("ours", self.rows, ["tunix_sft"])

    @contextmanager
    def build(
        self,
        name: str,
        rows: int,
        formats: Sequence[str] = ("tunix_sft",),
        partition_rows: int | None = None,
        workers: int = PROCESSES,
    ) -> Iterator[Built]:
        """Another build, removed afterwards."""
        built = self._build(name, rows, list(formats), partition_rows, workers)
        yield built
        shutil.rmtree(built.workspace.folder)

    def _build(
        self,
        name: str,
        rows: int,
        formats: list[str],
        partition_rows: int | None = None,
        workers: int = PROCESSES,
    ) -> Built:
        workspace = prepared(self.work, name, self.store(rows), self.server, formats, partition_rows, workers)
        say(f"building {rows:,} traces as {', '.join(formats)}")
        return Built(workspace, workspace.pin(), workspace.build())


def measure_stages(workspace: Workspace) -> dict[str, Measurement]:
    """Each stage by itself, in order, with a memo that is empty at first: what a fresh clone's build does."""
    workspace.forget()
    stages = {}
    for stage in STAGES:
        say(f"{stage} by itself")
        stages[stage] = workspace.stage(stage)
    return stages


def say(message: str) -> None:
    """Tell whoever waits what is going on."""
    print(f"benchmarks: {message}", file=sys.stderr, flush=True)
