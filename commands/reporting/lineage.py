"""What the dataset was made of and by: pinned inputs, params, and each stage's outputs with their hashes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from stages.addresses.lock import locked_params


@dataclass(frozen=True)
class Entry:
    """What a stage made, or what the first one begins with (`stage` is empty); `size` in bytes."""

    stage: str
    path: str
    files: int
    size: int
    md5: str


def inputs(entries: dict[str, Any]) -> list[Entry]:
    """The data that no stage made, in the order of the paths."""
    made = {out["path"] for entry in entries.values() for out in entry.get("outs", ())}
    deps = {dep["path"]: dep for entry in entries.values() for dep in entry.get("deps", ())}
    return [_entry("", deps[path]) for path in sorted(deps.keys() - made) if path.startswith("data/")]


def outputs(entries: dict[str, Any]) -> list[Entry]:
    """What the stages made, in their order; formats that were not asked for are empty folders, and left out."""
    made = [_entry(stage, out) for stage in _in_order(entries) for out in entries[stage].get("outs", ())]
    return [entry for entry in made if entry.files]


def params(entries: dict[str, Any]) -> dict[str, str]:
    """The params that the stages were run with, a dotted name each, those that are null left out."""
    return dict(sorted(_flat("", locked_params(entries))))


def _in_order(entries: dict[str, Any]) -> list[str]:
    """The stages, each after those whose outputs it reads; the lock has them by name."""
    makers = {out["path"]: stage for stage, entry in entries.items() for out in entry.get("outs", ())}
    needs = {
        stage: [makers[dep["path"]] for dep in entry.get("deps", ()) if dep["path"] in makers]
        for stage, entry in sorted(entries.items())
    }
    return list(TopologicalSorter(needs).static_order())


def _entry(stage: str, item: dict[str, Any]) -> Entry:
    return Entry(stage, item["path"], item.get("nfiles", 1), item["size"], item["md5"])


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, held in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), held)
    elif value is not None:
        yield name, json.dumps(value, ensure_ascii=False)
