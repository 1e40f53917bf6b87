"""Where traces are, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from commands.holders import Holding
from commands.options import counted


def as_text(holdings: list[Holding]) -> Iterator[str]:
    """A paragraph a dataset, its versions on the first line: many commits share one."""
    shown: dict[tuple[Any, ...], list[str]] = {}
    for held in holdings:
        if held.files:
            shown.setdefault((held.version.dataset_id, *sorted(held.files.items())), []).append(held.version.name)
    by_key = {(held.version.dataset_id, *sorted(held.files.items())): held for held in holdings if held.files}
    for key, names in shown.items():
        held = by_key[key]
        yield f"{held.version.dataset_id}  {', '.join(held.splits) or 'not selected'}  ({', '.join(names)})"
        yield from (f"  {path}" for path in sorted(held.files))
    if not shown:
        yield "no version that was looked into holds it"
    unread = [held.version.name for held in holdings if held.unread]
    if unread:
        yield (
            f"not all in DVC's cache, so nobody looked: {counted(len(unread), 'version')}; "
            "`dvc fetch --all-commits` brings what a remote has"
        )


def as_json(holdings: list[Holding]) -> list[dict[str, Any]]:
    """An object a version: those that hold nothing and were looked into are left out."""
    return [
        {
            "version": held.version.name,
            "commit": held.version.commit,
            "dataset_id": held.version.dataset_id,
            "ids": sorted(held.ids),
            "splits": held.splits,
            "files": sorted(held.files),
            "unread": held.unread,
        }
        for held in holdings
        if held.files or held.unread
    ]
