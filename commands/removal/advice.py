"""What holds the traces that are to be taken down, and what a person has to do to be rid of them."""

from __future__ import annotations

from collections.abc import Iterator

from commands.holders import Holding
from commands.options import counted
from commands.places import NAMED, few, version_names
from commands.versions import texts_of
from stages.paths import CARD
from traces.recordings import RECORDED, read_recording, recordings

_NAMED_FILES = 12


def advise(holdings: list[Holding], listed: list[str], ids: frozenset[str]) -> Iterator[str]:
    """The lines to print of traces that were `listed`, those named by their `ids` among them."""
    holding = [held for held in holdings if held.files]
    all_ids = ids.union(*(held.ids for held in holding))
    recorded = [
        f"     {place} has it, and so has Git's history, which `git filter-repo` can rewrite"
        for place in (*_recorded(all_ids), *_shown(all_ids))
    ]
    if not holding:
        yield "no version that was looked into holds it"
        yield from recorded
        return
    files = {md5: path for held in holding for path, md5 in held.files.items()}
    yield f"held by {counted(len(holding), 'version')}: {version_names([held.version for held in holding])}"
    yield f"in {counted(len(files), 'file')}:"
    paths = sorted(set(files.values()))
    yield from (f"  {path}" for path in paths[:_NAMED_FILES])
    if len(paths) > _NAMED_FILES:
        yield f"  and {len(paths) - _NAMED_FILES} more"
    if by_content := sorted(all_ids - ids):
        yield f"as {few(by_content)}"
    yield "to be rid of it:"
    yield "  1. remove it from the store, then `traces pin`: what is only excluded still lies in data/traces/"
    yield from recorded
    yield "  2. `dvc repro`, then commit: the dataset without it"
    yield f"  3. `traces takedown {' '.join(listed)} --purge`: removes the files, and the listings that name them,"
    yield "     from DVC's cache and its remotes; the versions above can then no longer be pulled whole"
    yield "  4. the same in each clone that has a cache of its own"


def _recorded(ids: frozenset[str]) -> Iterator[str]:
    """Where in data/recorded/ the traces are."""
    for path in recordings(RECORDED):
        lines = [str(number) for number, row in read_recording(path) if row.id in ids]
        if lines:
            yield f"{path}, line {', '.join(lines[:NAMED])}{' and more' if len(lines) > NAMED else ''}"


def _shown(ids: frozenset[str]) -> Iterator[str]:
    """The dataset card, if a commit has one that shows such a trace as its example."""
    history = texts_of(CARD)
    if any(trace_id in history for trace_id in ids):
        yield f"{CARD}, as it is or once was,"
