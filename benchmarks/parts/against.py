"""The build of this commit beside that of another one, in turns, so that a busy minute touches both."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.bench import Bench, say
from benchmarks.measure import ROOT, Measurement
from benchmarks.ours import Workspace, prepared
from benchmarks.table import Table, number
from commands.repository import git

THIS = "this commit"
COPIES = "this commit's Parquet copies, written again by themselves"


@dataclass(frozen=True)
class Against:
    """Builds in the order in which they ran; `copies` has one measurement for each build of this commit."""

    revision: str
    theirs: list[Measurement] = field(default_factory=list)
    ours: list[Measurement] = field(default_factory=list)
    copies: list[Measurement] = field(default_factory=list)


def commit_of(revision: str) -> str:
    """The hash of a revision.

    Raises:
        TracesError: the repository has no such commit.
    """
    return git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}", folder=ROOT).strip()


def run(bench: Bench, revision: str, pairs: int) -> Against:
    """Build `pairs` times with each of the two commits, each with its own params, every trace of the store taken.

    Each build has a fresh clone, an empty cache and an empty memo. The packages are those of this environment.
    """
    found = Against(revision)
    for turn in range(pairs):
        # The second build finds pages in memory that the first one read, so each is second every other time.
        for name in (revision, THIS) if turn % 2 == 0 else (THIS, revision):
            workspace = prepared(
                bench.work,
                "against",
                bench.store(bench.rows),
                bench.server,
                None,
                revision=None if name == THIS else commit_of(revision),
            )
            workspace.pin()
            say(f"building {bench.rows:,} traces with {name}, {turn + 1} of {pairs}")
            took = workspace.build()
            (found.ours if name == THIS else found.theirs).append(took)
            if name == THIS:
                found.copies.append(measure_copies(workspace, bench.work / "copies"))
            shutil.rmtree(workspace.folder)
    return found


def measure_copies(workspace: Workspace, target: Path) -> Measurement:
    """What writing the Parquet copies takes, without the start of the process.

    What the memo, the gate and DVC do with the copies stays part of the build.
    """
    command = ("python", "-m", "benchmarks.copies", "data/export", str(target))
    everything = workspace.measure(*command)
    shutil.rmtree(target)
    return everything.without([workspace.measure(*command, "--start-only")])


def tables(found: Against) -> Iterator[Table]:
    """Each build's CPU seconds, and the lowest of them compared."""
    theirs, ours, copies = ([took.cpu for took in held] for held in (found.theirs, found.ours, found.copies))
    least, without = min(ours), min(one - copy for one, copy in zip(ours, copies, strict=True))
    head = ["", *(f"build {turn + 1}" for turn in range(len(ours))), "lowest", "compared"]
    rows = [
        [found.revision, *map(number, theirs), number(min(theirs)), ""],
        [THIS, *map(number, ours), number(least), compared(least, min(theirs))],
        [COPIES, *map(number, copies), number(min(copies)), ""],
        [
            f"{THIS}, without writing its Parquet copies",
            *(number(one - copy) for one, copy in zip(ours, copies, strict=True)),
            number(without),
            compared(without, min(theirs)),
        ],
    ]
    yield Table("against", "CPU seconds of a build up to the gate, in the order of the builds", head, rows)


def compared(value: float, other: float) -> str:
    """How much more, or less, a cost is than another."""
    return f"{(value / other - 1) * 100:+.1f}%"
