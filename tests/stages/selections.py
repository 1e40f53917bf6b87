"""Selecting in a workspace, and what was selected."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from stages import export, manifest, render, select
from stages.params.reading import load_params
from stages.paths import COUNTS, SELECTION
from stages.runtime.partitioned import SELECTION_SCHEMA, partition_names, partition_path, read_rows, write_partition
from tests.stages.lockfile import set_params, write_lock
from tests.support.samples import trace_id

ALL_TRAIN = {"validation": 0, "test": 0}


def numbers(count: int = 200) -> list[int]:
    """Which of `row(0)`, `row(1)`... are selected, in order."""
    known = {trace_id(n): n for n in range(count)}
    return [known[found] for found, _ in chosen()]


def chosen() -> list[tuple[Any, ...]]:
    return [
        found
        for name in partition_names(SELECTION)
        for found in read_rows(partition_path(SELECTION, name), ["id", "split"])
    ]


def counts() -> dict[str, Any]:
    held: dict[str, Any] = json.loads(COUNTS.read_text())
    return held


def selected(**changes: Any) -> list[int]:
    set_params(**changes)
    select.work(load_params())
    return numbers()


def rewrite_selection(change: Callable[[list[tuple[str, str]]], list[tuple[str, str]]]) -> None:
    """Change the selection, and make all that comes after it agree."""
    (name,) = partition_names(SELECTION)
    path = partition_path(SELECTION, name)
    write_partition(path, SELECTION_SCHEMA, change(list(read_rows(path, ["id", "split"]))))
    render.work(load_params())
    export.work(load_params())
    write_lock()
    manifest.work(load_params())
