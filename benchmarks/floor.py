"""What no build can be faster than on this machine: moving its bytes, hashing them, and reading the store.

    wall = COPY's time + bytes written / the rate of a copy + bytes hashed / (the rate of md5 * processes)
    CPU  = the same, each by its CPU time, nothing divided

`bytes written` are those that the build really wrote, `bytes hashed` those of all objects in its cache. COPY is that of
the whole table to this process, which throws the rows away; a copy reads a file that is in memory and writes another,
through to the disk. Of each the quickest of three counts. One disk and one server do not get faster by processes; md5
does, since there are many files.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.ours import PROCESSES

LARGEST = 1 << 30  # bytes of the file that is copied
BLOCK = 1 << 20
TIMES = 3


@dataclass(frozen=True)
class Took:
    """Wall and CPU seconds of this process."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Floor:
    """What was measured. `sample` is the bytes that were copied and hashed."""

    sample: int
    copying: Took
    hashing: Took
    reading: Took
    written: int
    hashed: int

    @property
    def wall(self) -> float:
        """Seconds."""
        copied, hashed = self.written / self.sample, self.hashed / self.sample
        return self.reading.wall + copied * self.copying.wall + hashed * self.hashing.wall / PROCESSES

    @property
    def cpu(self) -> float:
        """Seconds."""
        copied, hashed = self.written / self.sample, self.hashed / self.sample
        return self.reading.cpu + copied * self.copying.cpu + hashed * self.hashing.cpu


def measure_floor(work: Path, url: str, written: int, hashed: int) -> Floor:
    """The floor of a build that wrote and hashed so many bytes, of the store at `url`."""
    source, target = work / "floor", work / "floor.copy"
    sample = min(LARGEST, max(BLOCK, written))
    block = os.urandom(BLOCK)
    with source.open("wb") as file:
        for start in range(0, sample, BLOCK):
            file.write(block[: sample - start])
    floor = Floor(
        sample,
        _quickest(lambda: _copy(source, target)),
        _quickest(lambda: _hash(source)),
        _quickest(lambda: _read(url)),
        written,
        hashed,
    )
    source.unlink()
    target.unlink()
    return floor


def _quickest(act: Callable[[], None]) -> Took:
    took = []
    for _ in range(TIMES):
        os.sync()
        wall, cpu = time.perf_counter(), time.process_time()
        act()
        took.append(Took(time.perf_counter() - wall, time.process_time() - cpu))
    return min(took, key=lambda one: one.wall)


def _copy(source: Path, target: Path) -> None:
    # By hand: a library may let the file system share the blocks instead.
    with source.open("rb") as read, target.open("wb") as write:
        while block := read.read(BLOCK):
            write.write(block)
        write.flush()
        os.fsync(write.fileno())


def _hash(path: Path) -> None:
    with path.open("rb") as file:
        hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))


def _read(url: str) -> None:
    statement = "COPY (SELECT id, created_at, trace_version, payload FROM traces) TO STDOUT"
    with psycopg.connect(url) as connection, connection.cursor().copy(statement) as rows:
        for _ in rows:
            pass
