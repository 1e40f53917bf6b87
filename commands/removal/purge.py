"""Removing objects from DVC's cache and from its remotes: those that hold a trace, and no other."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import typer

from commands.holders import Holding
from commands.options import counted
from stages.addresses.lock import read_lock
from stages.paths import PAIRS, TRACES
from stages.runtime.memo import memo_root
from stages.runtime.progress import progress
from traces.errors import TracesError, one_line

_PASSWORD = re.compile(r"//[^/\s]*@")
_SAYING = ("", PAIRS.as_posix(), TRACES.as_posix())
# What .dvc/config names until somebody has a bucket; no bucket can have this name.
_UNSET = "<your-bucket>"


def purge_holdings(holdings: list[Holding], *, ask: bool) -> Iterator[str]:
    """Remove every file that holds the traces, from the cache, the remotes and the memo; what was done, in words.

    Raises:
        TracesError: the dataset in the workspace holds one still; or a remote cannot be reached: another run goes on.
    """
    objects = _removable(holdings)
    if not objects:
        yield "no version that was looked into holds it"
        return
    names = "; ".join(held.version.full_name for held in holdings if held.files)
    if ask:
        typer.confirm(f"Remove {counted(len(objects), 'file')} for good, from {names}?", abort=True, err=True)
    # Those that say which others hold it go last: after an interrupt, another run finds what is left.
    yield from _purge(sorted(objects, key=lambda md5: (_SAYING.index(_folder(objects[md5])), md5)))


def _removable(holdings: list[Holding]) -> dict[str, str]:
    """The objects by their hash, each with its path in a version."""
    here = read_lock()
    for held in holdings:
        if held.version.entries == here and held.files:
            raise TracesError(
                f"the dataset in the workspace still holds it, in {min(held.files)}; "
                "remove it from the store, then `traces pin` and `dvc repro`"
            )
        if held.version.entries == here and held.unread:
            raise TracesError(
                f"nobody knows whether the dataset in the workspace still holds it: {min(held.unread)} is not in DVC's "
                "cache; `dvc fetch` or `dvc repro` brings it"
            )
    return {md5: path for held in holdings for path, md5 in held.files.items()}


def _folder(path: str) -> str:
    return next((folder for folder in _SAYING if folder and path.startswith(f"{folder}/")), "")


def _purge(objects: list[str]) -> Iterator[str]:
    from dvc.repo import Repo

    shutil.rmtree(memo_root(), ignore_errors=True)
    with Repo() as repo:
        # Remotes first: what is in the cache is what says which objects those are.
        for name, settings in repo.config["remote"].items():
            if _UNSET in settings["url"]:
                yield f"remote {name}: has no address yet, so nothing to remove"
            else:
                yield _purge_from(f"remote {name}", partial(repo.cloud.get_remote_odb, name, "purge"), objects)
        yield _purge_from("DVC's cache", lambda: repo.cache.local, objects)


def _purge_from(place: str, opened: Callable[[], Any], objects: list[str]) -> str:
    removed = 0
    try:
        held = opened()
        # To many a file system what it cannot reach does not exist, and nothing would be removed from there.
        held.fs.ls(held.path, detail=True)
        for md5 in progress(objects, len(objects), f"purge {place}"):
            if held.exists(md5):
                held.delete(md5)
                removed += 1
    except FileNotFoundError:
        raise TracesError(
            f"{place}: nothing is there, or it cannot be reached; mend that, or `dvc remote remove` it where nothing "
            "was ever pushed to it, and run it again to go on"
        ) from None
    except NotImplementedError:
        raise TracesError(
            f"{place}: DVC cannot remove files there; do that by its own means, then `dvc remote remove` it and run it "
            "again to go on"
        ) from None
    except Exception as error:  # whatever a remote's library raises
        said = _PASSWORD.sub("//", str(error) or type(error).__name__)
        raise TracesError(f"{place}: {one_line(said)}; mend that, and run it again to go on") from None
    return f"{place}: {counted(removed, 'file')} removed"
