"""How cost grows, up to as many traces as one machine builds: by traces, by workers, by partitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import TINY, TINY_PARTITION, Bench, Built, measure_stages, say
from benchmarks.cache import cached
from benchmarks.database import server_count
from benchmarks.measure import Measurement

WORKERS = (1, 2)
# Rows, so that few traces are as many partitions as very many; of at most so many traces, since each partition costs.
SMALL_PARTITIONS = (80, 20)
SMALL_MOST = 100_000
BLOCK = 512  # bytes: what a file's `st_blocks` counts


@dataclass(frozen=True)
class Left:
    """What a build left. Bytes: of the objects in DVC's cache, of the longest listing of a folder among them, of the
    memo, and of the whole workspace on disk, a file with several names counted once.
    """

    partitions: int
    objects: int
    stored: int
    listing: int
    memo: int
    disk: int


@dataclass(frozen=True)
class Sized:
    """A build of so many traces. Bytes: `store` is the table with its indexes, `sorted` what the server wrote to
    temporary files for `traces pin`.
    """

    rows: int
    store: int
    sorted: int
    pin: Measurement
    build: Measurement
    unchanged: Measurement
    left: Left


@dataclass(frozen=True)
class Timed:
    """A build, and its stages each by itself."""

    build: Measurement
    stages: dict[str, Measurement]


@dataclass(frozen=True)
class Scale:
    """`sizes` from few traces to many; `small` are builds of one of these sizes, in small partitions; by the number of
    workers, `start` is so few traces that it is start-up alone, `whole` the most.
    """

    sizes: list[Sized]
    small: list[Sized]
    start: dict[int, Timed]
    whole: dict[int, Timed]

    @property
    def large_partitions(self) -> Sized:
        """The build that those in small partitions compare with."""
        return next(one for one in self.sizes if one.rows == self.small[0].rows)


def run(bench: Bench, sizes: Sequence[int]) -> Scale:
    """Build each of the sizes, from few to many."""
    *fewer, most = sorted(sizes)
    start, whole = {}, {}
    for workers in WORKERS:
        with bench.build("tiny", TINY, partition_rows=TINY_PARTITION, workers=workers) as built:
            start[workers] = Timed(built.build, measure_stages(built.workspace))
    found = [look(bench, rows) for rows in fewer]
    few = max((rows for rows in fewer if rows <= SMALL_MOST), default=fewer[0])
    small = [look(bench, few, partition_rows) for partition_rows in SMALL_PARTITIONS]
    one, two = WORKERS
    with bench.build("two", most, workers=two) as built:
        found.append(looked_at(bench, most, built))
        whole[two] = Timed(built.build, measure_stages(built.workspace))
    with bench.build("one", most, workers=one) as built:
        whole[one] = Timed(built.build, measure_stages(built.workspace))
    return Scale(found, small, start, whole)


def look(bench: Bench, rows: int, partition_rows: int | None = None) -> Sized:
    """Build so many traces, see what that left, and remove it."""
    with bench.build("sized", rows, partition_rows=partition_rows) as built:
        return looked_at(bench, rows, built)


def looked_at(bench: Bench, rows: int, built: Built) -> Sized:
    """What there is to see of a build."""
    url = bench.store(rows)
    left = left_by(built.workspace.folder)
    say("a build where nothing changed")
    unchanged = built.workspace.build()
    say("what the server sorts for the pin")
    temporary = "SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()"
    before = server_count(url, temporary)
    built.workspace.pin()
    return Sized(
        rows,
        server_count(url, "SELECT pg_total_relation_size('traces')"),
        server_count(url, temporary) - before,
        built.pin,
        built.build,
        unchanged,
        left,
    )


def left_by(workspace: Path) -> Left:
    """What lies in a workspace after a build."""
    objects = cached(workspace)
    return Left(
        partitions=len(list((workspace / "data/traces").glob("*.parquet"))),
        objects=len(objects),
        stored=sum(objects.values()),
        listing=max(size for path, size in objects.items() if path.endswith(".dir")),
        memo=sum(path.stat().st_size for path in (workspace / ".cache/memo").rglob("*") if path.is_file()),
        disk=disk_used(workspace),
    )


def disk_used(folder: Path) -> int:
    """Bytes on disk of all files below a folder, each once, whatever names it has."""
    files = (path.stat() for path in folder.rglob("*") if path.is_file())
    return sum({stat.st_ino: stat.st_blocks * BLOCK for stat in files}.values())
