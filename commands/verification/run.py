"""The order of a verification: what is here first, then the clean copy, then how both compare."""

from __future__ import annotations

import json
from contextlib import ExitStack, chdir, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from commands.history import commit_of
from commands.repository import changes_since
from commands.verification.clean_copy import clean_copy
from commands.verification.compare import check_rebuilt
from commands.verification.pipeline import asked_stages, declared_name, load_stages, uncached
from commands.verification.present import (
    check_cache,
    check_lock,
    check_manifest,
    check_presence,
    check_stages,
    check_workspace,
)
from commands.verification.rebuild import rebuild
from commands.verification.verdict import Output, Verdict
from stages.addresses.lock import LOCK, read_lock
from stages.addresses.objects import open_objects
from stages.paths import EXPORT, MANIFEST
from traces.errors import TracesError, WrongUse, one_line

_NAMED = 5


def run_verification(rev: str | None, *, quick: bool, until: str | None, attest: Path | None) -> Verdict:
    """Verify the workspace, or a revision as Git has it; write an attestation where all of it is verified.

    Raises:
        TracesError: there is nothing to verify.
        WrongUse: there is no such revision or stage, or nothing to attest.
    """
    commit = commit_of("HEAD" if rev is None else rev)
    target = None if attest is None else attest.absolute()
    objects = open_objects()
    with ExitStack() as stack:
        copy = None if quick and rev is None else stack.enter_context(clean_copy(commit))
        where = f" at {rev}" if rev else ""
        # A pull brings what the workspace's commit has, and no other.
        fetch = "dvc fetch --all-commits" if rev else "dvc pull"
        # What is rebuilt are the commit's stages: a dvc.yaml in the workspace may lack the gate.
        with chdir(copy or "."):
            stages = load_stages(where)
        asked = asked_stages(stages, until)
        with chdir(copy if rev is not None and copy else "."):
            every, manifest = _described(where)
            entries = {stage: entry for stage, entry in every.items() if until is None or declared_name(stage) in asked}
            verdict = _verdict(commit, entries, list(stages), manifest)
            if target is not None:
                _require_attestable(target, verdict)
            check_stages(every, stages, asked, verdict)
            check_lock(entries, verdict)
            check_workspace(entries, verdict)
            check_cache(objects, verdict, uncached(stages), fetch)
            check_manifest(every, manifest, verdict)
        if quick:
            check_presence(verdict, fetch)
        elif copy:
            _require_packages(asked)
            with chdir(copy):
                _rebuild(copy, entries, until, asked, verdict)
            if target is not None and verdict.sound:
                from commands.verification.attestation import write_attestation

                write_attestation(target, copy, verdict, entries)
    if not verdict.sound and not quick and rev is None:
        _say_uncommitted(verdict)
    return verdict


def _rebuild(copy: Path, entries: dict[str, Any], until: str | None, asked: list[str], verdict: Verdict) -> None:
    try:
        rebuild(copy, until, len(asked))
    except TracesError as error:
        verdict.faults.append(str(error))
    else:
        check_rebuilt(entries, read_lock(), asked, verdict)


def _described(where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The lock's entries and the manifest of the working directory; an error names `where` that is."""
    entries = read_lock()
    if not entries:
        raise TracesError(
            f"{LOCK}{where}: missing or empty, so there is nothing to verify; `dvc repro` makes a dataset"
        )
    manifest: Any = None
    with suppress(OSError, ValueError):
        manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    if not _is_manifest(manifest):
        raise TracesError(f"{MANIFEST}{where}: missing, or no manifest; `git checkout {MANIFEST}` restores it")
    return entries, manifest


def _is_manifest(held: Any) -> bool:
    """Whether it has the places that quote hashes, each an object."""
    if not isinstance(held, dict) or "dataset_id" not in held:
        return False
    places = [held.get("artefacts"), held.get("exports"), held.get("trace_ids")]
    return all(isinstance(place, dict) for place in (*places, *(places[1] or {}).values()))


def _verdict(commit: str, entries: dict[str, Any], stages: list[str], manifest: dict[str, Any]) -> Verdict:
    """A verdict without faults yet, its outputs in the order of dvc.yaml."""
    order = [*stages, *map(declared_name, entries)]
    made = [Output(stage, out["path"], out["md5"]) for stage, entry in entries.items() for out in entry.get("outs", ())]
    made.sort(key=lambda output: (order.index(declared_name(output.stage)), output.stage, output.path))
    return Verdict(commit, one_line(str(manifest["dataset_id"])), made)


def _require_attestable(target: Path, verdict: Verdict) -> None:
    """Refuse at once what could not be written after minutes of rebuilding."""
    if target.is_dir():
        raise WrongUse(f"--attest {one_line(str(target), 200)}: is a folder; name a file")
    if not any(Path(output.path).is_relative_to(EXPORT) for output in verdict.outputs):
        raise WrongUse(
            "--attest: none of these stages makes an export; leave out --until, or name `export` or a later one"
        )


def _say_uncommitted(verdict: Verdict) -> None:
    """Name the files that differ from the commit: if the workspace is ahead of it, that is why they differ."""
    if changed := changes_since("HEAD").changed:
        named = ", ".join(changed[:_NAMED]) + (f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else "")
        verdict.faults.append(
            f"not as commit {verdict.commit[:12]} has it, which is what was rebuilt: {named}; commit, and verify again"
        )


def _require_packages(asked: list[str]) -> None:
    if "smoke_train" in asked and find_spec("tunix") is None:
        raise TracesError(
            "stage smoke_train needs the packages for training, which are not installed; "
            "`make environment-all` adds them, --until validate leaves it out"
        )
