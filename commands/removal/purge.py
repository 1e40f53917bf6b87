"""Removing objects from DVC's cache and from its remotes: those that hold a trace, and no other."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import typer

from commands.holders import Holding
from commands.options import counted
from stages.lock import read_lock
from stages.memo import memo_root
from stages.progress import progress
from traces.errors import TracesError, one_line


def purge_holdings(holdings: list[Holding], *, ask: bool) -> Iterator[str]:
    """Remove every file that holds the traces, from the cache, the remotes and the memo; what was done, in words.

    Raises:
        TracesError: the dataset in the workspace holds one still; or a remote cannot be reached: another run goes on.
    """
    objects = _removable(holdings)
    if not objects:
        yield "no version that was looked into holds it"
        return
    names = "; ".join(held.version.name for held in holdings if held.files)
    if ask:
        typer.confirm(f"Remove {counted(len(objects), 'file')} for good, from {names}?", abort=True, err=True)
    yield from _purge(sorted(objects))


def _removable(holdings: list[Holding]) -> set[str]:
    here = read_lock()
    for held in holdings:
        if held.version.entries == here and held.files:
            raise TracesError(
                f"the dataset in the workspace still holds it, in {min(held.files)}; "
                "remove it from the store, then `traces pin` and `dvc repro`"
            )
    return {md5 for held in holdings for md5 in held.files.values()}


def _purge(objects: list[str]) -> Iterator[str]:
    from dvc.repo import Repo

    shutil.rmtree(memo_root(), ignore_errors=True)
    with Repo() as repo:
        # Remotes first: what is in the cache is what says which objects those are.
        for name in repo.config["remote"]:
            yield _purge_from(f"remote {name}", partial(repo.cloud.get_remote_odb, name, "purge"), objects)
        yield _purge_from("DVC's cache", lambda: repo.cache.local, objects)


def _purge_from(place: str, opened: Callable[[], Any], objects: list[str]) -> str:
    removed = 0
    try:
        held = opened()
        for md5 in progress(objects, len(objects), f"purge {place}"):
            if held.exists(md5):
                held.delete(md5)
                removed += 1
    except Exception as error:  # whatever a remote's library raises
        raise TracesError(f"{place}: {one_line(str(error) or type(error).__name__)}; run it again to go on") from None
    return f"{place}: {counted(removed, 'file')} removed"
