"""The selected traces as narrow columns: all that is drawn of many is drawn of these, 40 bytes a trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stages.paths import RENDERED, SELECTION, SPLITS
from stages.runtime.keys import halves
from stages.runtime.partitioned import partition_names, partition_path, read_chunks
from stages.selected import selected_batches
from stages.selection.filters import decode_meta
from traces.errors import TracesError

IntArray = npt.NDArray[np.int64]
MAX_GROUPS = 8  # what is drawn side by side; the rest are one group


class Group(NamedTuple):
    """Traces with one source and one game."""

    source: str
    game: str


OTHERS = Group("", "(others)")


@dataclass(frozen=True)
class Columns:
    """A value of each selected trace, in the dataset's order: arrays of shape [traces].

    `group` counts in `groups`, the most frequent first; `split` in SPLITS. `characters` are those of the rendered
    text, `content` is equal for traces that say the same.
    """

    groups: list[Group]
    group: IntArray
    split: IntArray
    steps: IntArray
    characters: IntArray
    content: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.group)


class _Part(NamedTuple):
    """The columns of a batch; `group` counts in the order in which groups were first seen."""

    group: IntArray
    split: IntArray
    steps: IntArray
    content: npt.NDArray[np.uint64]


def read_columns(traces: int) -> Columns:
    """The columns of the selected traces, of which the manifest counts so many.

    Raises:
        TracesError: the workspace holds others.
    """
    seen: dict[Group, int] = {}
    names = partition_names(SELECTION)
    parts = [part for name in names for part in _parts(name, seen)]
    group, split = _joined([part.group for part in parts]), _joined([part.split for part in parts])
    steps = _joined([part.steps for part in parts])
    content = np.concatenate([np.zeros(0, np.uint64), *(part.content for part in parts)])
    characters = _joined([length for name in names for length in _rendered_lengths(name)])
    if not len(group) == len(characters) == traces:
        raise TracesError(
            f"{SELECTION}/ and {RENDERED}/ hold {len(group):,} and {len(characters):,} traces, the manifest counts "
            f"{traces:,}; `dvc checkout` brings them, or `dvc repro`"
        )
    groups, places = _ranked(list(seen), group)
    return Columns(groups, places[group], split, steps, characters, content)


def _joined(arrays: list[IntArray]) -> IntArray:
    return np.concatenate([np.zeros(0, np.int64), *arrays])


def _parts(name: str, seen: dict[Group, int]) -> Iterator[_Part]:
    for splits, traces in selected_batches(name, ["id", "meta", "steps", "content_sha256"]):
        groups = [_group(meta) for meta in traces.column("meta").to_pylist()]
        yield _Part(
            np.array([seen.setdefault(group, len(seen)) for group in groups], np.int64),
            np.asarray(pc.index_in(splits, pa.array(SPLITS)), np.int64),
            np.asarray(pc.list_value_length(traces.column("steps")), np.int64),
            halves(traces.column("content_sha256").to_pylist())[0],
        )


def _rendered_lengths(name: str) -> Iterator[IntArray]:
    for texts in read_chunks(partition_path(RENDERED, name), ["prompt", "completion"]):
        lengths: Any = pc.add(*(pc.utf8_length(column) for column in cast("list[pa.StringArray]", texts.columns)))
        yield np.asarray(lengths, np.int64)


def _group(meta: str) -> Group:
    """As reports/stats.json names them."""
    held = decode_meta(meta) or {}
    return Group(*(str(held.get(key, "")) or "(none)" for key in Group._fields))


def _ranked(seen: list[Group], group: IntArray) -> tuple[list[Group], IntArray]:
    """The groups, the most frequent first and the seldom ones as one, and the new number of each old one."""
    counts = np.bincount(group, minlength=len(seen))
    order = sorted(range(len(seen)), key=lambda number: (-counts[number], seen[number]))
    named = order if len(order) <= MAX_GROUPS else order[: MAX_GROUPS - 1]
    places = np.full(len(seen), len(named), np.int64)
    places[named] = np.arange(len(named))
    others = [OTHERS] if len(named) < len(order) else []
    return [*(seen[number] for number in named), *others], places
