"""Where traces are, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from commands.holders import Holding
from commands.options import counted
from commands.versions import Version

NAMED = 5  # of versions and lines that are named, where there are many


def as_text(holdings: list[Holding]) -> Iterator[str]:
    """A paragraph for each dataset and its files: many commits share one."""
    alike: dict[tuple[Any, ...], list[Holding]] = {}
    for held in holdings:
        if held.files:
            alike.setdefault((held.version.dataset_id, *sorted(held.files.items())), []).append(held)
    for same in alike.values():
        first, names = same[0], version_names([held.version for held in same])
        yield f"{first.version.dataset_id}  {', '.join(first.splits) or 'not selected'}  ({names})"
        yield from (f"  {path}" for path in sorted(first.files))
    if not alike:
        yield "no version that was looked into holds it"
    yield from say_unread(holdings)


def as_json(holdings: list[Holding]) -> list[dict[str, Any]]:
    """An object a version: those that hold nothing and were looked into are left out."""
    return [
        {
            "version": held.version.name,
            "refs": list(held.version.refs),
            "commit": held.version.commit,
            "dataset_id": held.version.dataset_id,
            "ids": sorted(held.ids),
            "splits": held.splits,
            "files": sorted(held.files),
            "unread": held.unread,
            "unjudged": held.unjudged,
        }
        for held in holdings
        if held.files or held.unread or held.unjudged
    ]


def say_unread(holdings: list[Holding]) -> Iterator[str]:
    """Lines for the versions that could not be looked into, or not all of them."""
    unread = [held.version for held in holdings if held.unread]
    if broken := [version for version in unread if version.entries is None]:
        yield f"dvc.lock is not as DVC writes it, so nobody looked: {_counted(broken)}"
    if absent := [version for version in unread if version.entries is not None]:
        yield (
            f"not all in DVC's cache, so nobody looked at that: {_counted(absent)}; "
            "`dvc fetch --all-commits` brings what a remote has, unless it was purged; then ask again"
        )

    if unjudged := [held.version for held in holdings if held.unjudged]:
        yield (
            "data/traces/, which says the ids of a content, is not in DVC's cache, so nobody looked into what is: "
            f"{_counted(unjudged)}; name the trace by its id, or `dvc fetch --all-commits`, and ask again"
        )


def _counted(versions: list[Version]) -> str:
    return f"{counted(len(versions), 'version')}, {version_names(versions)}"


def version_names(versions: list[Version]) -> str:
    """Versions by name, the released ones first and all of them."""
    tagged = [version.full_name for version in versions if version.names]
    others = [version.full_name for version in versions if not version.names]
    return ", ".join([*tagged, *([few(others)] if others else [])])


def few(names: list[str]) -> str:
    """The first of the names, and how many more there are."""
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return ", ".join([*names[:NAMED], *more])
