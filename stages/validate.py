"""validate: the gate. Any fault stops the pipeline here, and every fault is named.

Reads everything that the stages before it made; writes reports/validation.json. Nothing is taken on
trust: records are made again from data/traces/, hashes computed again, the manifest built again.
"""

from __future__ import annotations

import filecmp
import json
from collections import Counter
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from stages.card import card_files
from stages.exclusions import EXCLUSIONS, load_exclusions
from stages.executor import Workers, open_workers
from stages.faults import NAMED, Faults
from stages.lock import cache_faults, first_difference, hash_path, hash_quoted, load_lock, lock_faults
from stages.manifest import QUOTED, build_manifest, selected_ids
from stages.pairs import find_pairs
from stages.params import PARAMS, Params, read_yaml
from stages.partitioned import partition_names, partition_path, read_rows
from stages.paths import (
    CARD,
    CHARACTERS,
    COUNTS,
    EXPORT,
    MANIFEST,
    PAIRS,
    QUARANTINE,
    REASONS,
    SCORES,
    SELECTION,
    SET_ASIDE,
    SPLITS,
    STATS,
    STEPS,
    TRACE_IDS,
    TRACES,
    TWINS,
    VALIDATION,
    shard_name,
)
from stages.progress import progress
from stages.records_together import check_together
from stages.run import run_stage
from stages.schemas import fast_validator, load_schema
from stages.select import select_into
from stages.selection_memo import is_remembered
from stages.shard_memo import open_gate, recall_checks
from stages.statistics import Statistics, dump_stats, pipeline_stats
from traces.errors import TracesError, one_line
from traces.files import scratch_folder, write_text
from traces.pin import SNAPSHOT, load_pin
from traces.scores import ScoreDigest
from training.formats import FORMATS


def work(params: Params) -> None:
    names = partition_names(SELECTION)
    with open_workers(max(len(names), len(partition_names(TRACES)))) as workers:
        check(params, names, workers)


def check(params: Params, names: list[str], workers: Workers) -> None:
    """Hold all that was made to what it must be, and write the report.

    Raises:
        TracesError: there are faults.
    """
    faults = Faults()
    records: Counter[str] = Counter()
    manifest: dict[str, Any] = {}
    hashes: dict[str, str] = {}
    with faults.guard("dvc.lock"):
        check_lock(faults, hashes)
    with faults.guard(str(MANIFEST), "manifest"):
        manifest = load_manifest(faults)
        right = check_manifest(params, manifest, faults)
        with faults.guard(str(CARD), "card"):
            check_card(params, right, faults)
    with faults.guard(str(TRACE_IDS)):
        check_trace_ids(faults)
    with faults.guard(str(SELECTION)):
        check_exclusions(faults)
    with faults.guard(str(SCORES)):
        check_scores(faults)
    with faults.guard(str(EXPORT)):
        check_folders(params, faults)
    with scratch_folder("validate") as scratch:
        counts: dict[str, Any] = {}
        with faults.guard(str(SELECTION)):
            counts = check_selection(params, scratch / "selection", hashes, workers, faults)
        pairs = scratch / "pairs"
        with faults.guard(str(PAIRS)):
            check_pairs(params, pairs, workers, faults)
        with faults.guard(str(EXPORT)):
            records, statistics = check_records(params, names, hashes, scratch, workers, faults)
            check_counts(params, manifest, records, faults)
            if counts:  # else selecting again failed, and is a fault already
                with faults.guard(str(STATS)):
                    check_statistics(statistics, counts, faults)
    report = {
        "valid": faults.total == 0,
        "dataset_id": manifest.get("dataset_id"),
        "records": {name: records[name] for name in params.export.formats},
        "faults": faults.total,
        "faults_by_kind": dict(sorted(faults.counts.items())),
        "first_faults": faults.lines,
    }
    write_text(VALIDATION, json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    if faults.total:
        more = [f"  and {faults.total - NAMED} more"] if faults.total > NAMED else []
        print("\n".join([*(f"  {line}" for line in faults.lines), *more]), flush=True)
        raise TracesError(
            f"{faults.total} faults, named above and in {VALIDATION}; `dvc repro` rebuilds what was changed by hand"
        )


def check_lock(faults: Faults, hashes: dict[str, str]) -> None:
    """Every hash in dvc.lock, of the stages before this one, is that of the bytes. `hashes` gets those of all files."""
    entries = load_lock((*QUOTED, "manifest", "card"))
    found = hash_quoted(entries)
    for artefact in found.values():
        hashes |= artefact.files if artefact else {}
    for line in (*cache_faults(entries, found), *lock_faults(entries, read_yaml(PARAMS), found)):
        where, _, what = line.partition(": ")
        faults.add("hash", where, what)


def load_manifest(faults: Faults) -> dict[str, Any]:
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
    for path in sorted(TRACE_IDS.rglob("*")):
        if path.parent != TRACE_IDS or path.suffix != ".txt" or path.stem not in names:
            faults.add("ids", path.as_posix(), "belongs to no partition of the selection")


def check_exclusions(faults: Faults) -> None:
    """No trace on the takedown list is selected."""
    exclusions = load_exclusions()
    if not exclusions:
        return
    for name in partition_names(SELECTION):
        chosen = {trace_id for trace_id, _ in read_rows(partition_path(SELECTION, name), ["id", "split"])}
        for trace_id, content in read_rows(partition_path(TRACES, name), ["id", "content_sha256"]):
            if trace_id in chosen and exclusions.covering(trace_id, content):
                faults.add("exclusion", f"{SELECTION}/{name}", f"id {trace_id} is on {EXCLUSIONS}, and selected")


def check_scores(faults: Faults) -> None:
    """data/scores/ holds the scores that data/snapshot.json pins, and nothing else."""
    digest = ScoreDigest()
    for path in sorted(SCORES.rglob("*")):
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
        for path in sorted((EXPORT / format_name).rglob("*")):
            if not asked or path.name not in right:
                faults.add("selection", path.as_posix(), "belongs to no partition of the selection")
        stems = {Path(name).stem for name in right} if asked and params.export.parquet else set()
        for path in sorted((TWINS / format_name).rglob("*")):
            if path.stem not in stems or not (EXPORT / format_name / f"{path.stem}.jsonl").exists():
                faults.add("selection", path.as_posix(), "is the twin of no shard")


def check_selection(
    params: Params, again: Path, hashes: dict[str, str], workers: Workers, faults: Faults
) -> dict[str, Any]:
    """data/selection/ is what selecting again gives, trace by trace. Returns the counts of that."""
    if is_remembered(params, hashes):
        counts: dict[str, Any] = json.loads(COUNTS.read_bytes())
        return counts
    again.mkdir()
    select_into(again, params, workers)
    return check_again(SELECTION, again, ["id", "split"], "selecting", faults)


def check_pairs(params: Params, again: Path, workers: Workers, faults: Faults) -> None:
    """data/pairs/ is what pairing again gives, and empty where no pairs are asked for. `again` has them then."""
    again.mkdir()
    if "tunix_dpo" in params.export.formats:
        find_pairs(again, params, workers)
        check_again(PAIRS, again, ["id", "rejected_id", "completion"], "pairing", faults)
    else:
        for path in sorted(PAIRS.rglob("*")):
            faults.add("selection", path.as_posix(), "no pairs are asked for")


def check_again(held: Path, again: Path, columns: list[str], doing: str, faults: Faults) -> dict[str, Any]:
    """A folder of partitions, with its counts, is what making it `again` gave. Returns the counts of that."""
    for name in sorted({*partition_names(held), *partition_names(again)}):
        paths = partition_path(held, name), partition_path(again, name)
        if all(path.exists() for path in paths) and filecmp.cmp(paths[0], paths[1], shallow=False):
            continue
        rows, right = (read_rows(path, columns) for path in paths)
        for found, wanted in zip_longest(rows, right):
            if found != wanted:
                said, other = (one_line(", ".join(row), 160) if row else "nothing" for row in (found, wanted))
                faults.add("selection", f"{held}/{name}", f"has {said} where {doing} again gives {other}")
                break
    known = {path.name for path in again.iterdir()}
    for path in sorted(held.rglob("*")):
        if path.parent != held or (path.suffix != ".parquet" and path.name not in known):
            faults.add("selection", path.as_posix(), f"nothing that {doing} again gives")
    listed = again / SET_ASIDE.name
    if listed.exists() and not filecmp.cmp(held / SET_ASIDE.name, listed, shallow=False):
        faults.add("selection", str(held / SET_ASIDE.name), f"not what {doing} again gives")
    counted = (again / COUNTS.name).read_bytes()
    counts: dict[str, Any] = json.loads(counted)
    if (held / COUNTS.name).read_bytes() != counted:
        faults.add("selection", f"{held / COUNTS.name}", f"{doing} again gives {json.dumps(counts)}")
    return counts


def check_records(
    params: Params, names: list[str], hashes: dict[str, str], scratch: Path, workers: Workers, faults: Faults
) -> tuple[Counter[str], Statistics]:
    """Every record, then what only all of them together show: unique ids, disjoint splits."""
    records: Counter[str] = Counter()
    statistics = Statistics()
    found = Faults()
    with open_gate(params) as memos:
        check = partial(recall_checks, params=params, pairs=scratch / "pairs", memos=memos)
        for part in progress(workers.map(check, by_partition(hashes, names).items()), len(names), "validate"):
            records += part.records
            statistics.merge(part.statistics)
            found.merge(part.faults)
        # Where each record is what its trace gives, and each trace where selecting again puts it, ids are as unique and
        # groups as whole as `select` made them. Else only a look at all records tells.
        if found.total:
            check_together(workers, names, params, scratch / "records", found)
    faults.merge(found)
    return records, statistics


def by_partition(hashes: dict[str, str], names: list[str]) -> dict[str, dict[str, str]]:
    """Of files' hashes by path, those of each partition's files and shards."""
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    for path, md5 in hashes.items():
        stem = Path(path).stem
        for name in (stem, stem.partition("-")[2]):  # a shard's begins with its split
            if name in found:
                found[name][path] = md5
    return found


def check_counts(params: Params, manifest: dict[str, Any], records: Counter[str], faults: Faults) -> None:
    """Each format has as many records as the manifest lists traces; of pairs, the shards' own check counts them."""
    for format_name in params.export.formats:
        listed = (manifest.get("trace_ids") or {}).get("count")
        if format_name != "tunix_dpo" and records[format_name] != listed:
            what = f"{records[format_name]} records, {MANIFEST} lists {listed} traces"
            faults.add("count", (EXPORT / format_name).as_posix(), what)


def check_statistics(statistics: Statistics, counts: dict[str, Any], faults: Faults) -> None:
    """What reports/ and data/quarantine/ say of the traces is what counting again gives."""
    reasons = quarantine_reasons()
    right = {
        STATS: dump_stats(pipeline_stats(statistics, counts, reasons)),
        STEPS: statistics.steps.csv("steps"),
        CHARACTERS: statistics.characters.csv("characters"),
    }
    if json.loads(REASONS.read_bytes()) != reasons:
        faults.add("statistics", str(REASONS), "not what counting again gives")
    for path, text in right.items():
        if path.read_bytes() != text.encode():
            faults.add("statistics", str(path), "not what counting again gives")


def quarantine_reasons() -> Counter[str]:
    """The lines of data/quarantine/ by reason."""
    reasons: Counter[str] = Counter()
    for path in sorted(QUARANTINE.glob("*.jsonl")):
        with path.open("rb") as file:
            reasons.update(json.loads(line)["reason"] for line in file)
    return reasons


if __name__ == "__main__":
    run_stage("validate", work)
