"""What is here of a dataset, hashed again: in the workspace, in DVC's cache, and as the manifest quotes it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from commands.verification.pipeline import PIPELINE, declared_name
from commands.verification.verdict import DIFFERS, MISSING, SAME, Verdict, state_of
from stages.addresses.lock import LOCK, Artefact, hash_quoted, lock_faults, outputs, quoted_hashes
from stages.addresses.objects import Objects
from stages.manifest import QUOTED, dataset_id
from stages.params.reading import PARAMS
from stages.paths import MANIFEST, TRACE_IDS
from stages.runtime.executor import worker_count
from stages.runtime.progress import progress
from stages.yaml_file import read_yaml
from traces.files import hash_file


def check_stages(every: dict[str, Any], stages: dict[str, dict[str, Any]], asked: list[str], verdict: Verdict) -> None:
    """The lock has no stage that dvc.yaml lacks, and each one that was `asked` for."""
    names = [declared_name(stage) for stage in every]
    verdict.faults += [
        f"{LOCK}: stage {stage} is none of {PIPELINE}; `git checkout {LOCK}` restores it"
        for stage, name in zip(every, names, strict=True)
        if name not in stages
    ]
    verdict.faults += [
        f"{LOCK}: no entry for stage {name}; `dvc repro` makes it" for name in asked if name not in names
    ]


def check_lock(entries: dict[str, Any], verdict: Verdict) -> None:
    """The lock agrees with itself: what one stage made is what another one read."""
    for path, hashes in quoted_hashes(entries).items():
        if len(hashes) > 1:
            said = ", ".join(f"{md5} for stage {', '.join(stages)}" for md5, stages in hashes.items())
            verdict.faults.append(f"{LOCK}: {path} has more than one hash: {said}")


def check_workspace(entries: dict[str, Any], verdict: Verdict) -> None:
    """What is in the working directory of inputs, code, params and outputs is what the lock has."""
    made = {output.path for output in verdict.outputs}
    found = hash_quoted(entries, hash_file)
    inputs = {
        stage: {**entry, "outs": [], "deps": [item for item in entry.get("deps", ()) if item["path"] not in made]}
        for stage, entry in entries.items()
    }
    verdict.faults += lock_faults(inputs, read_yaml(PARAMS), found)
    for output in verdict.outputs:
        actual = found[output.path]
        output.places["workspace"] = state_of(output.md5, actual.md5 if actual else None)
        if output.places["workspace"] == DIFFERS and actual:
            verdict.faults.append(f"{output.path}: its md5 is {actual.md5}, {LOCK} says {output.md5}")


def check_cache(objects: Objects, verdict: Verdict, kept_by_git: set[str], fetch: str) -> None:
    """What DVC's cache holds under an output's hash has that hash, every file of a folder included.

    `fetch` is the command that brings what a remote has of what is verified.
    """
    cached = [output for output in verdict.outputs if output.path not in kept_by_git]
    with ThreadPoolExecutor(worker_count()) as pool:
        states = pool.map(lambda output: _cached(objects, output.md5), cached)
        for output, (state, damaged) in zip(cached, progress(states, len(cached), "cache"), strict=True):
            output.places["cache"] = state
            verdict.faults += [
                f"{output.path}: {path} in DVC's cache is damaged; remove it, then `{fetch}` or `dvc repro`"
                for path in damaged
            ]


def check_presence(verdict: Verdict, fetch: str) -> None:
    """Every output is somewhere here: what is nowhere was not looked at. A remote may lack it, too, after a purge."""
    for output in verdict.outputs:
        places = output.places
        if places["workspace"] == MISSING and places["cache"] != SAME:
            verdict.faults.append(
                f"{output.path}: neither in the workspace nor in DVC's cache; "
                f"`{fetch}` brings it, where a remote has it"
            )


def check_manifest(entries: dict[str, Any], manifest: dict[str, Any], verdict: Verdict) -> None:
    """The manifest quotes the hashes that the lock has, whichever stages were asked for; its id follows from them."""
    artefacts = outputs({stage: entries[stage] for stage in QUOTED if stage in entries})
    quoted = manifest["artefacts"]
    by_path = {output.path: output for output in verdict.outputs}
    for artefact in artefacts:
        same = quoted.get(artefact.path) == artefact.entry()
        if artefact.path in by_path:
            by_path[artefact.path].places["manifest"] = SAME if same else DIFFERS
        if not same:
            verdict.faults.append(_misquoted(f"artefacts.{artefact.path}", quoted.get(artefact.path), artefact.entry()))
    verdict.faults += [
        _misquoted(f"artefacts.{path}", quoted[path], None)
        for path in sorted(quoted.keys() - {a.path for a in artefacts})
    ]
    ids = next((item for item in outputs(entries) if item.path == TRACE_IDS.as_posix()), None)
    verdict.faults += [_misquoted(*line) for line in _quotes(manifest, artefacts, ids) if line[1] != line[2]]


def _quotes(
    manifest: dict[str, Any], artefacts: list[Artefact], ids: Artefact | None
) -> Iterable[tuple[str, Any, Any]]:
    """Each other place where the manifest quotes a hash, with what it says and what the lock says."""
    exports = manifest["exports"]
    right = dataset_id(str(manifest.get("dataset_name")), str(manifest.get("dataset_version")), exports, artefacts)
    yield "dataset_id", manifest["dataset_id"], right
    locked = {artefact.path: artefact for artefact in artefacts}
    for name, export in exports.items():
        held = locked.get(str(export.get("path")))
        for key in ("md5", "size"):
            yield f"exports.{name}.{key}", export.get(key), held and getattr(held, key)
    yield "trace_ids.md5", manifest["trace_ids"].get("md5"), ids and ids.md5


def _misquoted(where: str, said: object, right: object) -> str:
    return f"{MANIFEST}: {where} says {json.dumps(said)}, {LOCK} says {json.dumps(right)}"


def _cached(objects: Objects, md5: str) -> tuple[str, list[Path]]:
    """How the object of this hash is in the cache, and the files that are not what their names say."""
    path = objects.path(md5)
    if not path.is_file():
        return MISSING, []
    if damaged := objects.damaged(md5):
        return DIFFERS, damaged
    listing = objects.listing(md5) or {} if md5.endswith(".dir") else {}
    missing = any(not objects.path(wanted).is_file() for wanted in listing.values())
    return (MISSING if missing else SAME), []
