"""What holds the traces that are to be taken down, and what a person has to do to be rid of them."""

from __future__ import annotations

from collections.abc import Iterator

from commands.holders import Holding
from commands.options import counted
from commands.repository import git
from commands.versions import Version
from stages.paths import CARD
from traces.recordings import RECORDED, read_recording, recordings

_NAMED = 5
_NAMED_FILES = 12


def advise(holdings: list[Holding], listed: list[str]) -> Iterator[str]:
    """The lines to print."""
    yield from _unread([held.version for held in holdings if held.unread])
    holding = [held for held in holdings if held.files]
    if not holding:
        yield "no version that was looked into holds it"
        return
    files = {md5: path for held in holding for path, md5 in held.files.items()}
    yield f"held by {counted(len(holding), 'version')}: {_names([held.version for held in holding])}"
    yield f"in {counted(len(files), 'file')}:"
    paths = sorted(set(files.values()))
    yield from (f"  {path}" for path in paths[:_NAMED_FILES])
    if len(paths) > _NAMED_FILES:
        yield f"  and {len(paths) - _NAMED_FILES} more"
    yield "to be rid of it:"
    yield "  1. remove it from the store, then `traces pin`: what is only excluded still lies in data/traces/"
    ids = {trace_id for held in holding for trace_id in held.ids}
    for place in (*_recorded(ids), *_shown(ids)):
        yield f"     {place} has it, and so has Git's history, which `git filter-repo` can rewrite"
    yield "  2. `dvc repro`, then commit: the dataset without it"
    yield f"  3. `traces takedown {' '.join(listed)} --purge`: removes the files from DVC's cache and its remotes;"
    yield "     the versions above can then no longer be pulled whole"
    yield "  4. the same in each clone that has a cache of its own"


def _unread(versions: list[Version]) -> Iterator[str]:
    if versions:
        yield (
            f"not all in DVC's cache, so nobody looked: {counted(len(versions), 'version')}, {_names(versions)}; "
            "`dvc fetch --all-commits` brings what a remote has"
        )


def _names(versions: list[Version]) -> str:
    """Versions by name, the released ones first and all of them."""
    tagged = [version.name for version in versions if version.names]
    others = [version.name for version in versions if not version.names]
    more = [f"and {len(others) - _NAMED} more"] if len(others) > _NAMED else []
    return ", ".join([*tagged, *others[:_NAMED], *more])


def _recorded(ids: set[str]) -> Iterator[str]:
    for path in recordings(RECORDED):
        lines = [str(number) for number, row in read_recording(path) if row.id in ids]
        if lines:
            yield f"{path}, line {', '.join(lines[:_NAMED])}{' and more' if len(lines) > _NAMED else ''}"


def _shown(ids: set[str]) -> Iterator[str]:
    """The dataset card, if a commit has one that shows such a trace as its example."""
    history = git("log", "--all", "--full-history", "-m", "--patch", "--format=", "--", str(CARD))
    if any(trace_id in history for trace_id in ids):
        yield f"{CARD}, as it is or once was,"
