"""The build of this commit beside that of another one, in turns, so that a busy minute touches both."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from dvc.exceptions import InvalidArgumentError
from dvc.utils.hydra import apply_overrides

from benchmarks.bench import Bench, say
from benchmarks.measure import ROOT, Measurement
from benchmarks.ours import prepared
from benchmarks.table import Table, number
from commands.repository import git
from traces.errors import TracesError, one_line

THIS = "this commit"


@dataclass(frozen=True)
class Against:
    """What each build took, in the order in which they ran."""

    revision: str
    theirs: list[Measurement] = field(default_factory=list)
    ours: list[Measurement] = field(default_factory=list)


def commit_of(revision: str) -> str:
    """The hash of a revision.

    Raises:
        TracesError: the repository has no such commit.
    """
    return git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}", folder=ROOT).strip()


def require_settings(revision: str, settings: Sequence[str]) -> None:
    """Refuse settings that the params of a revision do not take, before minutes are spent on a store.

    Raises:
        TracesError: there is one.
    """
    if not settings:
        return
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "params.yaml"
        path.write_text(git("show", f"{commit_of(revision)}:params.yaml", folder=ROOT), encoding="utf-8")
        try:
            apply_overrides(path, list(settings))
        except InvalidArgumentError as error:
            raise TracesError(f"{revision}: {one_line(f'{error}: {error.__cause__}', 200)}") from None


def run(bench: Bench, revision: str, pairs: int, settings: Sequence[str] = ()) -> Against:
    """Build `pairs` times with each of the two commits, every trace of the store taken.

    Each build has a fresh clone, an empty cache and an empty memo, and its own commit's params; `settings` change
    some of the other commit's, so that both can write the same files. The packages are those of this environment.
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
                settings=() if name == THIS else settings,
            )
            workspace.pin()
            say(f"building {bench.rows:,} traces with {name}, {turn + 1} of {pairs}")
            (found.ours if name == THIS else found.theirs).append(workspace.build())
            shutil.rmtree(workspace.folder)
    return found


def tables(found: Against, settings: Sequence[str] = ()) -> Iterator[Table]:
    """Each build's CPU seconds, and the lowest of them compared; `settings` are the params changed in the other."""
    theirs, ours = ([took.cpu for took in held] for held in (found.theirs, found.ours))
    head = ["", *(f"build {turn + 1}" for turn in range(len(ours))), "lowest", "compared"]
    rows = [
        [" ".join([found.revision, *settings]), *map(number, theirs), number(min(theirs)), ""],
        [THIS, *map(number, ours), number(min(ours)), compared(min(ours), min(theirs))],
    ]
    yield Table("against", "CPU seconds of a build up to the gate, in the order of the builds", head, rows)


def compared(value: float, other: float) -> str:
    """How much more, or less, a cost is than another."""
    return f"{(value / other - 1) * 100:+.1f}%"
