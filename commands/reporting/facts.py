"""What the workspace says of its dataset: the manifest, dvc.lock, the gate's verdict, the smoke run."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands.workspace import load_manifest, stale_because
from stages.addresses.lock import read_lock
from stages.paths import EXPORT, SMOKE_LOSS, SMOKE_TRAIN, VALIDATION
from traces.errors import TracesError


@dataclass(frozen=True)
class SmokeRun:
    """reports/smoke_train.json, and the loss of each step."""

    facts: dict[str, Any]
    losses: list[float]


@dataclass(frozen=True)
class Facts:
    """`entries` are dvc.lock's by stage. `passed` is whether the gate passed this very dataset, None where it has not
    looked at it; `smoke` is None where no smoke run was made of it.
    """

    manifest: dict[str, Any]
    entries: dict[str, Any]
    passed: bool | None
    smoke: SmokeRun | None


def load_facts() -> Facts:
    """The facts of the dataset in the workspace.

    Raises:
        TracesError: there is none, it is not the one that the workspace asks for, or a report is damaged.
    """
    manifest = load_manifest()
    if why := stale_because(manifest):
        raise TracesError(
            f"{manifest['dataset_id']}: {why}; `dvc repro` makes it, `git checkout . && dvc checkout` goes back"
        )
    entries = read_lock()
    return Facts(manifest, entries, _passed(manifest), _smoke(manifest, entries))


def _passed(manifest: dict[str, Any]) -> bool | None:
    verdict = _report(VALIDATION)
    if verdict is None or verdict.get("dataset_id") != manifest["dataset_id"]:
        return None
    return bool(verdict["valid"])


def _smoke(manifest: dict[str, Any], entries: dict[str, Any]) -> SmokeRun | None:
    """The smoke run, where dvc.lock says that it was one of this very export: the stage may have been left out."""
    trained = EXPORT / "tunix_sft"
    locked = {dep["path"]: dep["md5"] for dep in entries.get("smoke_train", {}).get("deps", ())}
    export = manifest["artefacts"].get(trained.as_posix())
    facts = _report(SMOKE_TRAIN)
    if facts is None or export is None or locked.get(trained.as_posix()) != export["md5"] or not SMOKE_LOSS.is_file():
        return None
    return SmokeRun(facts, _losses())


def _losses() -> list[float]:
    try:
        with SMOKE_LOSS.open(newline="", encoding="utf-8") as lines:
            return [float(row["loss"]) for row in csv.DictReader(lines)]
    except (KeyError, TypeError, ValueError):
        raise _damaged(SMOKE_LOSS) from None


def _report(path: Path) -> dict[str, Any] | None:
    """A report of a stage; None where it was not made."""
    if not path.is_file():
        return None
    try:
        held = json.loads(path.read_bytes())
    except ValueError:
        held = None
    if not isinstance(held, dict):
        raise _damaged(path)
    return held


def _damaged(path: Path) -> TracesError:
    return TracesError(f"{path}: damaged; `git checkout {path}` restores it, or `dvc repro`")
