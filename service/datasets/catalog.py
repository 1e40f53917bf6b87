"""Which datasets there are: the manifests of branches, tags and experiments."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from commands.repository import blobs_at, git
from stages.paths import MANIFEST
from traces.errors import TracesError

BELIEVED_S = 1.0  # that a dataset which was there is taken to be there


@dataclass(frozen=True)
class Dataset:
    """A dataset, and the commit that has it, under the names that lead there."""

    dataset_id: str
    commit: str
    names: tuple[str, ...]
    manifest: dict[str, Any]


def all_datasets() -> list[Dataset]:
    """Every dataset that a branch, a tag or an experiment has, in the order of their ids."""
    refs = git(
        "for-each-ref", "--format=%(refname) %(objectname) %(*objectname)", "refs/heads", "refs/tags", "refs/exps"
    )
    commits: dict[str, list[str]] = {git("rev-parse", "HEAD").strip(): ["HEAD"]}
    for line in refs.splitlines():
        name, commit, *peeled = line.split()
        if _is_one(name):
            commits.setdefault(peeled[0] if peeled else commit, []).append(_short(name))
    blobs = blobs_at(MANIFEST, [*commits])
    found: dict[str, Dataset] = {}
    for (commit, names), blob in zip(commits.items(), blobs, strict=True):
        manifest = _manifest(blob) if blob else None
        if manifest is not None:
            key = manifest["dataset_id"]
            earlier = found.get(key)
            first = (commit, ()) if earlier is None else (earlier.commit, earlier.names)
            found[key] = Dataset(key, first[0], (*first[1], *names), manifest)
    return [found[key] for key in sorted(found)]


class _Look(NamedTuple):
    """What was found where, and when the look began, by the monotonic clock."""

    folder: Path
    began: float
    found: dict[str, Dataset]


_turn = threading.Lock()
_last = _Look(Path(), -BELIEVED_S, {})


def find_dataset(dataset_id: str) -> Dataset | None:
    """The dataset with an id. Many who ask at once are one look at Git; one that is new is found at once."""
    global _last
    asked = time.monotonic()
    with _turn:
        # That there was one is believed for a while; that there was none, only of a look after the question.
        since = asked - BELIEVED_S if dataset_id in _last.found else asked
        if _last.folder != Path.cwd() or _last.began < since:
            began = time.monotonic()
            _last = _Look(Path.cwd(), began, {dataset.dataset_id: dataset for dataset in all_datasets()})
        return _last.found.get(dataset_id)


def manifest_of(commit: str) -> dict[str, Any]:
    """The manifest that a commit has.

    Raises:
        TracesError: it has none.
    """
    manifest = _manifest(git("rev-parse", f"{commit}:{MANIFEST.as_posix()}").strip())
    if manifest is None:
        raise TracesError(f"commit {commit[:12]}: {MANIFEST} is no manifest")
    return manifest


@lru_cache(maxsize=1024)
def _manifest(blob: str) -> dict[str, Any] | None:
    try:
        held = json.loads(git("cat-file", "blob", blob))
    except ValueError:
        return None
    right = (
        isinstance(held, dict) and isinstance(held.get("dataset_id"), str) and isinstance(held.get("artefacts"), dict)
    )
    return held if right else None


def _is_one(name: str) -> bool:
    # DVC keeps experiments at refs/exps/XX/YYYY/NAME, and more of its own beside.
    return not name.startswith("refs/exps/") or name.count("/") == 4


def _short(name: str) -> str:
    return name.split("/", 4)[4] if name.startswith("refs/exps/") else name.split("/", 2)[2]
