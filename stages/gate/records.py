"""The gate's look at all records, a partition at a time, and at what is counted of them."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from stages.export import dump_columns
from stages.gate.faults import Faults
from stages.gate.records_together import check_together
from stages.gate.shard_checks import PartitionChecks
from stages.gate.shard_memo import open_gate, recall_checks
from stages.params.models import Params
from stages.paths import (
    CHARACTERS,
    COLUMN_COUNTS,
    EXPORT,
    MANIFEST,
    QUARANTINE,
    REASONS,
    STATS,
    STEPS,
)
from stages.runtime.executor import Workers
from stages.runtime.progress import progress
from stages.statistics import dump_stats, pipeline_stats


def check_records(
    params: Params, names: list[str], hashes: dict[str, str], scratch: Path, workers: Workers, faults: Faults
) -> PartitionChecks:
    """Every record, then what only all of them together show: unique ids, disjoint splits. Faults go to `faults`."""
    checks = PartitionChecks()
    with open_gate(params) as memos:
        check = partial(recall_checks, params=params, pairs=scratch / "pairs", memos=memos)
        for part in progress(workers.map(check, by_partition(hashes, names).items()), len(names), "validate"):
            checks.records += part.records
            checks.statistics.merge(part.statistics)
            checks.columns.merge(part.columns)
            checks.notes.merge(part.notes)
            checks.faults.merge(part.faults)
        # Where each record is what its trace gives, and each trace where selecting again puts it, ids are as unique and
        # groups as whole as `select` made them. Else only a look at all records tells.
        if checks.faults.total:
            check_together(workers, names, params, scratch / "records", checks.faults)
    faults.merge(checks.faults)
    return checks


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


def check_statistics(params: Params, checks: PartitionChecks, counts: dict[str, Any], faults: Faults) -> None:
    """What reports/ and data/quarantine/ say of the traces is what counting again gives."""
    statistics = checks.statistics
    reasons = quarantine_reasons()
    right = {
        STATS: dump_stats(pipeline_stats(statistics, counts, reasons)),
        STEPS: statistics.steps.csv("steps"),
        CHARACTERS: statistics.characters.csv("characters"),
        COLUMN_COUNTS: dump_columns(params, checks.columns),
    }
    if json.loads(REASONS.read_bytes()) != reasons:
        faults.add("statistics", str(REASONS), "not what counting again gives")
    for path, text in right.items():
        if path.read_bytes() != text.encode():
            faults.add("statistics", str(path), "not what counting again gives")


def quarantine_reasons() -> Counter[str]:
    """The lines of data/quarantine/ by reason."""
    reasons: Counter[str] = Counter()
    for path in sorted(QUARANTINE.glob("[!.]*.jsonl")):
        with path.open("rb") as file:
            reasons.update(json.loads(line)["reason"] for line in file)
    return reasons
