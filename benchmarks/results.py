"""What a run of the benchmark found: the parts that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from benchmarks.bench import Bench
from benchmarks.parts import everyday, formats, full, incremental, scaling


class Part(StrEnum):
    """A part of the benchmark, as the command names it."""

    FULL = "full"
    FORMATS = "formats"
    SCALING = "scaling"
    EVERYDAY = "everyday"
    INCREMENTAL = "incremental"


# In the order in which they run: the last one changes the store.
PARTS: dict[Part, Callable[[Bench], Any]] = {
    Part.FULL: full.run,
    Part.FORMATS: formats.run,
    Part.SCALING: scaling.run,
    Part.EVERYDAY: everyday.run,
    Part.INCREMENTAL: incremental.run,
}


@dataclass(frozen=True)
class Results:
    """`command` is what measured; a part that was not asked for is None."""

    command: str
    rows: int
    machine: dict[str, str]
    versions: dict[str, str]
    full: full.Full | None = None
    formats: formats.Formats | None = None
    scaling: scaling.Scaling | None = None
    everyday: everyday.Everyday | None = None
    incremental: incremental.Incremental | None = None


@dataclass(frozen=True)
class Target:
    """What was aimed at: `measured` is to be at most `limit`, both in `unit`. None: so few traces cannot tell."""

    what: str
    limit: float
    measured: float | None
    unit: str

    @property
    def verdict(self) -> str:
        """Whether it was reached, in a word."""
        if self.measured is None:
            return "too few traces to tell"
        return "holds" if self.measured <= self.limit else "missed"


def targets(results: Results) -> Iterator[Target]:
    """The targets that the parts say something of."""
    if results.formats:
        what = "CPU of both exports, trace and tunix_sft, to that of tunix_sft alone"
        yield Target(what, 1.5, results.formats.both.cpu / results.formats.one.cpu, "x")
    if results.scaling:
        rows = results.rows
        yield Target(f"peak memory at {rows:,} traces to that at {rows // 5:,}", 1.15, results.scaling.memory, "x")
        yield Target(f"peak memory at {rows:,} traces", 1.0, results.scaling.whole.peak / 1e9, " GB")
        what = f"CPU at {rows:,} traces to ten times that at {rows // 10:,}, start-up apart"
        yield Target(what, 1.15, results.scaling.cpu, "x")
