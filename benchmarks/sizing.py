"""From the rates of a measured build, what many more traces would take, and what gives out on the way there.

A step's wall seconds are two parts: what one process does alone, and what workers share. With one worker a step takes
both, with two all of the first and half of the second; so the two builds tell them apart. Start-up, what so few traces
take that it is nothing else, is taken off first. Growth is taken to be linear, and workers to get in nobody's way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.parts.scale import WORKERS, Scale, Sized, Timed
from stages.runtime.memo import DEFAULT_GB

PIN, DVC = "traces pin", "DVC itself"
TB = 10**12
HOUR = 3600


@dataclass(frozen=True)
class Share:
    """Wall seconds a trace: of one process, and of all workers together."""

    alone: float
    shared: float

    def seconds(self, rows: int, workers: int) -> float:
        """Wall seconds of so many traces with so many workers."""
        return rows * (self.alone + self.shared / workers)


@dataclass(frozen=True)
class Limit:
    """What gives out at how many traces, and what helps."""

    what: str
    rows: float
    help: str


def shares(scale: Scale) -> dict[str, Share]:
    """Each step's cost, in their order: the pin, the stages, and what DVC does around them."""
    few, many = scale.sizes[0], scale.sizes[-1]
    pin = max(0.0, many.pin.wall - few.pin.wall) / (many.rows - few.rows)
    one, two = ({name: grown(scale, workers, name) for name in scale.whole[workers].stages} for workers in WORKERS)
    found = {PIN: Share(pin, 0)}
    found |= {name: parted(one[name], two[name]) for name in one}
    rest = rest_of(scale.whole[WORKERS[-1]]) - rest_of(scale.start[WORKERS[-1]])
    return found | {DVC: Share(max(0.0, rest) / many.rows, 0)}


def grown(scale: Scale, workers: int, stage: str) -> float:
    """Wall seconds a trace of a stage, its start-up taken off."""
    whole, start = (timed[workers].stages[stage].wall for timed in (scale.whole, scale.start))
    return max(0.0, whole - start) / scale.sizes[-1].rows


def parted(one: float, two: float) -> Share:
    """The parts of what takes so long with one worker and with two."""
    shared = min(max(0.0, 2 * (one - two)), one)
    return Share(one - shared, shared)


def rest_of(timed: Timed) -> float:
    """Wall seconds of a build beside its stages."""
    return timed.build.without(timed.stages.values()).wall


def total(held: dict[str, Share], rows: int, workers: int) -> float:
    """Wall seconds of all steps, one after the other."""
    return sum(share.seconds(rows, workers) for share in held.values())


def for_rows(amount: float, measured: Sized, rows: int) -> float:
    """What `amount` of a measured build is for so many traces."""
    return amount * rows / measured.rows


def partition_seconds(scale: Scale) -> list[float]:
    """Wall seconds that one more partition costs, by the builds in small partitions."""
    large = scale.large_partitions
    return [(one.build.wall - large.build.wall) / (one.left.partitions - large.left.partitions) for one in scale.small]


def limits(scale: Scale) -> list[Limit]:
    """What gives out, from few traces to many."""
    return sorted(_limits(scale), key=lambda limit: limit.rows)


def _limits(scale: Scale) -> Iterator[Limit]:
    many = scale.sizes[-1]
    yield Limit(
        f"the memo is full at {DEFAULT_GB} GB, and a later build makes again what it forgot",
        DEFAULT_GB * 10**9 * many.rows / many.left.memo,
        "`TRACES_MEMO_MAX_GB`",
    )
    yield Limit("the workspace fills 1 TB", TB * many.rows / many.left.disk, "a larger disk; one that copies on write")
    helps = {
        PIN: "a faster server: it is one statement of one session",
        "select": "a faster machine: it is one DuckDB",
        DVC: "a file system that copies on write, for the copies",
    }
    for name, share in shares(scale).items():
        if share.alone > 0:
            what = f"`{name}` works an hour on one machine, whatever the workers"
            yield Limit(what, HOUR / share.alone, helps.get(name, "a faster machine"))
