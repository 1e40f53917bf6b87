"""The selection that `select` made of these very traces, remembered, so that the gate need not select again to tell."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from stages.params.models import Params
from stages.paths import SCORES, SELECTION, TRACES
from stages.runtime.memo import Memo, open_memo
from stages.runtime.partitioned import partition_names, partition_path
from stages.selection.exclusions import Exclusions, load_exclusions
from stages.selection.screen import screened_by
from traces.files import hash_file
from traces.ignored import list_files


def selected_by(params: Params, exclusions: Exclusions) -> list[Any]:
    """What a selection follows from, beside the traces and their scores."""
    return [
        *(params.filters, params.selection, params.split, params.render.control_tokens, exclusions.listed),
        *screened_by(params),
    ]


def remember_selection(selection: Path, params: Params) -> None:
    """Remember the files in `selection` as what follows from data/traces/ and data/scores/."""
    with _open(params) as memo:
        if memo is not None:
            memo.remember(memo.key(_made_from({})), [], _content(selection, {}))


def is_remembered(params: Params, known: Mapping[str, str]) -> bool:
    """Whether data/selection/ is what `select` made of data/traces/ and data/scores/ as they are.

    `known` has the md5 of files as far as it is known, by path.
    """
    with _open(params) as memo:
        if memo is None:
            return False
        held = memo.look_up(memo.key(_made_from(known)), dict[str, str])
        return held is not None and held.result == _content(SELECTION, known)


def _open(params: Params) -> AbstractContextManager[Memo | None]:
    return open_memo("selection", selected_by(params, load_exclusions()))


def _made_from(known: Mapping[str, str]) -> list[str]:
    paths = [partition_path(folder, name) for folder in (TRACES, SCORES) for name in partition_names(folder)]
    return [f"{path.as_posix()} {_md5(path, known)}" for path in paths]


def _content(folder: Path, known: Mapping[str, str]) -> dict[str, str]:
    return {name: _md5(folder / name, known) for name in list_files(folder)}


def _md5(path: Path, known: Mapping[str, str]) -> str:
    return known.get(path.as_posix()) or hash_file(path)
