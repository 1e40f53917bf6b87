"""Removing objects from DVC's cache and from its remotes: the files that hold a trace, and the listings that name them.

A listing is the object in which DVC keeps a folder's files, by name and md5. DVC takes a remote that has the listing to
have all of these files, and would never send a removed one again, also when the purge is taken back. So a listing goes
before the files that it names, and at no moment does one name a file that is gone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import typer

from commands.holders import Holding, unread_md5s
from commands.options import counted
from commands.places import version_names
from commands.remotes.opened import UNSET, reason
from commands.versions import WORKSPACE, Version
from stages.addresses.lock import read_lock
from stages.addresses.objects import Objects, parse_listing
from stages.paths import PAIRS, TRACES
from stages.runtime.memo import memo_root
from stages.runtime.progress import progress
from traces.errors import TracesError

_SAYING = ("", PAIRS.as_posix(), TRACES.as_posix())


def purge_holdings(holdings: list[Holding], objects: Objects, *, ask: bool) -> Iterator[str]:
    """Remove every file that holds the traces, from the remotes, the cache and the memo; what was done, in words.

    Raises:
        TracesError: the dataset in the workspace holds one still; or a remote cannot be reached, or has files of a
            version that nobody here could look into: another run goes on.
    """
    files = _removable(holdings, objects)
    if not files:
        yield "no version that was looked into holds it"
    elif ask:
        names = "; ".join(held.version.full_name for held in holdings if held.files)
        typer.confirm(f"Remove {counted(len(files), 'file')} for good, from {names}?", abort=True, err=True)
    unread = [(held.version, unread_md5s(held, objects)) for held in holdings if held.unread]
    if not files and not unread:
        return
    # Those that say which others hold it go last: after an interrupt, another run finds what is left.
    yield from _purge(sorted(files, key=lambda md5: (_SAYING.index(_folder(files[md5])), md5)), unread, objects)


def _removable(holdings: list[Holding], objects: Objects) -> dict[str, str]:
    """The files by their hash, each with its path in a version."""
    here = read_lock()
    files = {md5: path for held in holdings for path, md5 in held.files.items()}
    for held in holdings:
        if held.version.entries == here and held.unread and not held.files:
            raise TracesError(
                f"nobody knows whether the dataset in the workspace still holds it: {min(held.unread)} is not in DVC's "
                "cache; `dvc fetch` or `dvc repro` brings it"
            )
    for path, md5 in Version(WORKSPACE, (), here).outputs.items():
        listing = (objects.listing(md5) or {}) if files and md5.endswith(".dir") else {}
        if kept := [f"{path}/{name}" for name, file_md5 in listing.items() if file_md5 in files]:
            raise TracesError(
                f"the dataset in the workspace still holds it, in {min(kept)}; "
                "remove it from the store, then `traces pin` and `dvc repro`"
            )
    return files


def _folder(path: str) -> str:
    return next((folder for folder in _SAYING if folder and path.startswith(f"{folder}/")), "")


def _purge(files: list[str], unread: list[tuple[Version, set[str]]], objects: Objects) -> Iterator[str]:
    from dvc.repo import Repo

    if files:
        shutil.rmtree(memo_root(), ignore_errors=True)
    failed, kept = [], []
    with Repo() as repo:
        # Remotes first: what is in the cache is what says which objects those are.
        for name, settings in repo.config["remote"].items():
            if UNSET in settings["url"]:
                if files:
                    yield f"remote {name}: has no address yet, so nothing to remove"
                continue
            try:
                there = yield from _purge_from(
                    f"remote {name}", partial(repo.cloud.get_remote_odb, name, "purge"), files, objects
                )
                if versions := [version for version, md5s in unread if not md5s.isdisjoint(there)]:
                    kept.append(
                        f"remote {name} has files of {counted(len(versions), 'version')} ({version_names(versions)})"
                    )
            except TracesError as error:
                failed.append(str(error))
        if failed:
            raise TracesError(
                f"{'; '.join(failed)}; DVC's cache keeps its files until then, since they say what to remove there"
            )
        if files:
            yield from _purge_from("DVC's cache", lambda: repo.cache.local, files, objects)
    if kept:
        raise TracesError(
            f"{'; '.join(kept)} that are not in DVC's cache, so nobody looked into them; "
            "`dvc fetch --all-commits` brings them, then run it again to go on"
        )


def _purge_from(
    place: str, opened: Callable[[], Any], files: list[str], objects: Objects
) -> Generator[str, None, set[str]]:
    """Remove from one place the listings that name the files, then the files; what was done, in words.

    Returns the md5 of each object that was there before.
    """
    try:
        odb = opened()
        # To many a file system what it cannot reach does not exist, and nothing would be removed from there.
        odb.fs.ls(odb.path, detail=True)
        there = set(progress(odb.all(), None, f"look through {place}"))
        named = {md5 for md5 in there if md5.endswith(".dir")} if files else set()
        listings = _naming(named, set(files), odb, objects, place)
        removed = [md5 for md5 in files if md5 in there]
        unknown = sum(not md5.endswith(".dir") and not objects.path(md5).is_file() for md5 in there)
        for md5 in progress([*listings, *removed], len(listings) + len(removed), f"purge {place}"):
            odb.delete(md5)
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
        raise TracesError(f"{place}: {reason(error)}; mend that, and run it again to go on") from None
    also = f", and {counted(len(listings), 'listing')} that named them" if listings else ""
    if files:
        yield f"{place}: {counted(len(removed), 'file')} removed{also}"
    if unknown:
        yield f"{place}: {counted(unknown, 'file')} there are not in DVC's cache here, so nobody looked into them"
    return there


def _naming(listings: set[str], files: set[str], odb: Any, objects: Objects, place: str) -> list[str]:
    """The listings in one place that name one of the files, whoever pushed them; also those that are damaged.

    A damaged one names nobody knows what, and DVC would believe it for ever.
    """

    def names(md5: str) -> bool:
        try:
            listing = objects.listing(md5)
        except TracesError:
            listing = None
        if listing is None:
            listing = parse_listing(md5, odb.fs.cat_file(odb.oid_to_path(md5)))
        return listing is None or not files.isdisjoint(listing.values())

    wanted = sorted(listings)
    with ThreadPoolExecutor(odb.fs.jobs) as pool:
        found = progress(pool.map(names, wanted), len(wanted), f"read listings of {place}")
        return [md5 for md5, is_named in zip(wanted, found, strict=True) if is_named]
