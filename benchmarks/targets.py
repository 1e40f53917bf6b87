"""What was aimed at, and whether a run of the benchmark reached it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.parts.everyday import Everyday
from benchmarks.parts.formats import Formats
from benchmarks.parts.full import CONTENDERS, Full
from benchmarks.parts.incremental import SHARE, Incremental
from benchmarks.parts.scaling import Scaling
from benchmarks.results import Results
from benchmarks.table import MB

UPLOADED = 0.03  # of what the first build held; a shard comes on top, since a partition is made anew as a whole


@dataclass(frozen=True)
class Target:
    """`measured` is to be at most `limit`, or at least, both in `unit`. None: so few traces cannot tell."""

    what: str
    limit: float
    measured: float | None
    unit: str
    at_least: bool = False

    @property
    def bound(self) -> str:
        """What it is to be, in words."""
        return f"at {'least' if self.at_least else 'most'} {self.limit:.4g}{self.unit}"

    @property
    def verdict(self) -> str:
        """Whether it was reached, in a word."""
        if self.measured is None:
            return "too few traces to tell"
        reached = self.measured >= self.limit if self.at_least else self.measured <= self.limit
        return "holds" if reached else "missed"


def targets(results: Results) -> Iterator[Target]:
    """The targets that the parts say something of."""
    if results.full:
        yield from of_full(results.full)
    if results.scaling:
        yield from of_scaling(results.scaling, results.rows)
    if results.formats:
        yield from of_formats(results.formats)
    if results.everyday:
        yield from of_everyday(results.everyday)
    if results.incremental:
        yield from of_incremental(results.incremental)


def of_full(held: Full) -> Iterator[Target]:
    """The build beside the other ways, and beside the floor."""
    ours = held.ours.build
    theirs, plain = (held.contenders[CONTENDERS[name]] for name in ("huggingface", "plain"))
    yield Target("wall of Hugging Face's way to that of the build", 4, theirs.wall / ours.wall, "x", at_least=True)
    yield Target("CPU of Hugging Face's way to that of the build", 5, theirs.cpu / ours.cpu, "x", at_least=True)
    yield Target("CPU of the plain script to that of the build", 2, plain.cpu / ours.cpu, "x", at_least=True)
    yield Target("wall of the build to the floor", 4, ours.wall / held.floor.wall, "x")


def of_scaling(held: Scaling, rows: int) -> Iterator[Target]:
    """Memory, and CPU a trace."""
    yield Target(f"peak memory at {rows:,} traces to that at {rows // 5:,}", 1.15, held.memory, "x")
    yield Target(f"peak memory at {rows:,} traces", 1, held.whole.peak / 1e9, " GB")
    what = f"CPU at {rows:,} traces to ten times that at {rows // 10:,}, start-up apart"
    yield Target(what, 1.15, held.cpu, "x")


def of_formats(held: Formats) -> Iterator[Target]:
    """A second format, and the files."""
    what = "CPU of both exports, trace and tunix_sft, to that of tunix_sft alone"
    yield Target(what, 1.5, held.both.cpu / held.one.cpu, "x")
    yield Target("files an export", 150, max(found.count for found in held.files.values()), "")
    smallest = min(found.smallest for found in held.files.values())
    yield Target("smallest shard of train", 1, smallest / MB, " MB", at_least=True)


def of_everyday(held: Everyday) -> Iterator[Target]:
    """What somebody waits for."""
    yield Target("the shipped sample, from git clone to validate", 15, held.sample.wall, " s")
    yield Target("dvc repro validate where nothing changed", 3, held.unchanged.wall, " s")
    yield Target("traces --help", 0.3, held.help.wall, " s")


def of_incremental(held: Incremental) -> Iterator[Target]:
    """What new traces cost."""
    new = f"{SHARE:.0%} new traces"
    yield Target(f"rows read to build {new}, to those there were", 3, 100 * held.read_share, "%")
    yield Target(f"CPU to pin and build {new}, to that of the first pin and build", 25, 100 * held.cpu, "%")
    limit = (UPLOADED * held.held + held.shard) / MB
    what = f"uploaded by a push after {new}: {UPLOADED:.0%} of what the first build held, and a shard"
    yield Target(what, limit, held.uploaded / MB, " MB")
