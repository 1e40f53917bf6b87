"""The order of a verification: what is here first, then the clean copy, then how both compare."""

from __future__ import annotations

import json
from contextlib import ExitStack, chdir, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from commands.objects import open_objects
from commands.repository import commit_of
from commands.verification.clean_copy import clean_copy
from commands.verification.compare import check_rebuilt
from commands.verification.present import (
    check_cache,
    check_lock,
    check_manifest,
    check_presence,
    check_workspace,
    uncached,
)
from commands.verification.rebuild import rebuild
from commands.verification.verdict import Output, Verdict
from stages.lock import LOCK, read_lock
from stages.params import read_yaml
from stages.paths import MANIFEST
from traces.errors import TracesError, WrongUse, one_line

PIPELINE = Path("dvc.yaml")


def run_verification(rev: str | None, *, quick: bool, until: str | None, attest: Path | None) -> Verdict:
    """Verify the workspace, or a revision as Git has it; write an attestation where all of it is verified.

    Raises:
        TracesError: there is nothing to verify.
    """
    commit = commit_of(rev or "HEAD")
    target = None if attest is None else attest.absolute()
    objects = open_objects()
    with ExitStack() as stack:
        copy = None if quick and rev is None else stack.enter_context(clean_copy(commit))
        with chdir(copy if rev is not None and copy else "."):
            entries, pipeline, manifest = _described(rev)
            asked = _asked(pipeline, until)
            if until is not None:
                entries = {stage: entries[stage] for stage in asked if stage in entries}
            verdict = _verdict(commit, entries, pipeline, manifest)
            check_lock(entries, verdict)
            check_workspace(entries, verdict)
            check_cache(objects, verdict, uncached(pipeline))
            check_manifest(entries, manifest, verdict)
        if quick:
            check_presence(verdict)
        elif copy:
            _require_packages(asked)
            with chdir(copy):
                _rebuild(copy, entries, until, asked, verdict)
            if target is not None and verdict.verified:
                from commands.verification.attestation import write_attestation

                write_attestation(target, copy, verdict, entries)
    return verdict


def _rebuild(copy: Path, entries: dict[str, Any], until: str | None, asked: list[str], verdict: Verdict) -> None:
    try:
        rebuild(copy, until, len(asked))
    except TracesError as error:
        verdict.faults.append(str(error))
    else:
        check_rebuilt(entries, read_lock(), asked, verdict)


def _described(rev: str | None) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The lock's entries, the pipeline and the manifest of the working directory."""
    entries = read_lock()
    where = f" at {rev}" if rev else ""
    if not entries:
        raise TracesError(
            f"{LOCK}{where}: missing or empty, so there is nothing to verify; `dvc repro` makes a dataset"
        )
    pipeline: dict[str, Any] = read_yaml(PIPELINE)
    manifest: Any = None
    with suppress(OSError, ValueError):
        manifest = json.loads(MANIFEST.read_text())
    if not isinstance(manifest, dict):
        raise TracesError(f"{MANIFEST}{where}: missing, or no manifest; `git checkout {MANIFEST}` restores it")
    return entries, pipeline, manifest


def _verdict(commit: str, entries: dict[str, Any], pipeline: dict[str, Any], manifest: dict[str, Any]) -> Verdict:
    """A verdict without faults yet, its outputs in the order of dvc.yaml."""
    order = [*pipeline["stages"], *entries]
    made = [Output(stage, out["path"], out["md5"]) for stage, entry in entries.items() for out in entry.get("outs", ())]
    made.sort(key=lambda output: (order.index(output.stage), output.path))
    return Verdict(commit, one_line(str(manifest.get("dataset_id"))), made)


def _asked(pipeline: dict[str, Any], until: str | None) -> list[str]:
    """The stages that are to be rebuilt: `until` and those before it, in the order of dvc.yaml; else all."""
    names = list(pipeline["stages"])
    if until is None:
        return names
    if until not in names:
        raise WrongUse(f"--until {one_line(until, 60)}: no stage of {PIPELINE}; one of {', '.join(names)}")
    return names[: names.index(until) + 1]


def _require_packages(asked: list[str]) -> None:
    if "smoke_train" in asked and find_spec("tunix") is None:
        raise TracesError(
            "stage smoke_train needs the packages for training, which are not installed; "
            "`make .venv/training` adds them, --until validate leaves it out"
        )
