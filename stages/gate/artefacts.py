"""The gate's look at what describes the records: lock, manifest, card, ids, scores, and which files there are."""

from __future__ import annotations

import json
from itertools import zip_longest
from typing import Any

from stages.addresses.lock import cache_faults, first_difference, hash_path, hash_quoted, load_lock, lock_faults
from stages.card import card_files
from stages.gate.faults import Faults
from stages.manifest import QUOTED, build_manifest, selected_ids
from stages.params.models import Params
from stages.params.reading import PARAMS
from stages.paths import (
    EXPORT,
    MANIFEST,
    PARQUET,
    SCORES,
    SELECTION,
    SPLITS,
    TRACE_IDS,
    TRACES,
    shard_name,
)
from stages.runtime.partitioned import partition_names, partition_path, read_rows
from stages.schemas import fast_validator, load_schema
from stages.selection.exclusions import EXCLUSIONS, load_exclusions
from stages.yaml_file import read_yaml
from traces.errors import one_line
from traces.ignored import list_files
from traces.pin import SNAPSHOT, load_pin
from traces.scores import ScoreDigest
from training.formats import FORMATS


def check_lock(faults: Faults, hashes: dict[str, str]) -> None:
    """Every hash in dvc.lock, of the stages before this one, is that of the bytes. `hashes` gets those of all files."""
    entries = load_lock((*QUOTED, "manifest", "card"))
    found = hash_quoted(entries)
    for artefact in found.values():
        hashes |= artefact.files if artefact else {}
    for line in (*cache_faults(entries, found), *lock_faults(entries, read_yaml(PARAMS), found)):
        where, _, what = line.partition(": ")
        faults.add("hash", where, what)


def read_manifest(faults: Faults) -> dict[str, Any]:
    """data/manifest.json, held to its schema; empty where it is no object."""
    held = json.loads(MANIFEST.read_bytes())
    for fault in fast_validator(load_schema("manifest")).iter_errors(held):
        faults.add("manifest", f"{MANIFEST}: {'.'.join(map(str, fault.instance_path)) or 'it'}", fault.message)
    return held if isinstance(held, dict) else {}


def check_manifest(params: Params, held: dict[str, Any], faults: Faults) -> dict[str, Any]:
    """The manifest is what building it again gives. Returns that."""
    right = build_manifest(params, load_lock(QUOTED), hash_path(TRACE_IDS))
    for key in {**right, **held}:
        if held.get(key) != right.get(key):
            where, found, wanted = first_difference(key, held.get(key), right.get(key))
            said, true = (one_line(json.dumps(value), 120) for value in (found, wanted))
            faults.add("manifest", f"{MANIFEST}: {where}", f"says {said}, the data says {true}")
    return right


def check_card(params: Params, manifest: dict[str, Any], faults: Faults) -> None:
    """The dataset card and its Croissant metadata are what making them again of the right `manifest` gives."""
    for path, text in card_files(params, manifest).items():
        lines = zip_longest(*(data.splitlines(keepends=True) for data in (path.read_bytes(), text.encode())))
        for number, (found, wanted) in enumerate(lines, 1):
            if found != wanted:
                faults.add("card", f"{path.as_posix()}, line {number}", "not what making it again gives")
                break


def check_trace_ids(faults: Faults) -> None:
    """data/trace_ids/ has the selection's ids, in order."""
    names = dict.fromkeys(partition_names(SELECTION))
    for name in names:
        path = TRACE_IDS / f"{name}.txt"
        held, right = path.read_bytes() if path.exists() else b"", selected_ids(name).encode()
        if held != right:
            lines = (text.decode(errors="replace").splitlines() for text in (held, right))
            for number, (found, wanted) in enumerate(zip_longest(*lines), 1):
                if found != wanted:
                    faults.add("ids", f"{path}, line {number}", f"{found} where the selection has {wanted}")
    for path in (TRACE_IDS / name for name in list_files(TRACE_IDS)):
        if path.parent != TRACE_IDS or path.suffix != ".txt" or path.stem not in names:
            faults.add("ids", path.as_posix(), "belongs to no partition of the selection")


def check_exclusions(faults: Faults) -> None:
    """No trace on the takedown list is selected."""
    exclusions = load_exclusions()
    if not exclusions:
        return
    for name in partition_names(SELECTION):
        chosen = {trace_id for trace_id, _ in read_rows(partition_path(SELECTION, name), ["id", "split"])}
        for trace_id, *hashes in read_rows(partition_path(TRACES, name), ["id", "content_sha256", "stored_sha256"]):
            if trace_id in chosen and exclusions.covering(trace_id, *hashes):
                faults.add("exclusion", f"{SELECTION}/{name}", f"id {trace_id} is on {EXCLUSIONS}, and selected")


def check_scores(faults: Faults) -> None:
    """data/scores/ holds the scores that data/snapshot.json pins, and nothing else."""
    digest = ScoreDigest()
    for path in (SCORES / name for name in list_files(SCORES)):
        if path.parent != SCORES or path.suffix != ".parquet":
            faults.add("selection", path.as_posix(), "is no partition of scores")
    for name in partition_names(SCORES):
        for trace_id, score in read_rows(partition_path(SCORES, name), ["id", "score"]):
            digest.add(trace_id, score)
    pinned = load_pin().scores
    wanted = (0, ScoreDigest().pinned("", 0).digest) if pinned is None else (pinned.rows, pinned.digest)
    found = digest.pinned("", 0)
    if (found.rows, found.digest) != wanted:
        faults.add("content", SCORES.as_posix(), f"{found.rows} scores, not the {wanted[0]} that {SNAPSHOT} pins")


def check_folders(params: Params, faults: Faults) -> None:
    """The export folders hold the shards of the selection's partitions, and no other file."""
    names = partition_names(SELECTION)
    for format_name in FORMATS:
        right = {shard_name(split, name) for split in SPLITS for name in names}
        asked = format_name in params.export.formats
        folder = EXPORT / format_name
        for path in (folder / name for name in list_files(folder)):
            if not asked or path.parent != folder or path.name not in right:
                faults.add("selection", path.as_posix(), "belongs to no partition of the selection")
    for path in (PARQUET / name for name in list_files(PARQUET)):
        shard = EXPORT / path.relative_to(PARQUET).with_suffix(".jsonl")
        if path.suffix != ".parquet" or shard.parent.parent != EXPORT or not shard.is_file():
            faults.add("selection", path.as_posix(), "has no JSON Lines shard that it is a copy of")
