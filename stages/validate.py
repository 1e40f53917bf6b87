"""validate: the gate. Any fault stops the pipeline here, and every fault is named.

Reads everything that the stages before it made; writes reports/validation.json. Nothing is taken on
trust: records are made again from data/traces/, hashes computed again, the manifest built again.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from stages.gate.artefacts import (
    check_card,
    check_exclusions,
    check_folders,
    check_lock,
    check_manifest,
    check_scores,
    check_trace_ids,
    read_manifest,
)
from stages.gate.choices import check_pairs, check_selection
from stages.gate.faults import NAMED, Faults
from stages.gate.records import check_counts, check_records, check_statistics
from stages.gate.shard_checks import LONG_NUMBER, PartitionChecks
from stages.params.models import Params
from stages.paths import (
    CARD,
    EXPORT,
    MANIFEST,
    PAIRS,
    SCORES,
    SELECTION,
    STATS,
    TRACE_IDS,
    TRACES,
    VALIDATION,
)
from stages.runtime.executor import Workers, open_workers
from stages.runtime.partitioned import partition_names
from stages.runtime.run import run_stage
from traces.errors import TracesError
from traces.files import scratch_folder, write_text


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
    checks = PartitionChecks()
    manifest: dict[str, Any] = {}
    hashes: dict[str, str] = {}
    with faults.guard("dvc.lock"):
        check_lock(faults, hashes)
    with faults.guard(str(MANIFEST), "manifest"):
        manifest = read_manifest(faults)
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
    counts: dict[str, Any] = {}
    with scratch_folder("validate") as scratch:
        with faults.guard(str(SELECTION)):
            counts = check_selection(params, scratch / "selection", hashes, workers, faults)
        pairs = scratch / "pairs"
        with faults.guard(str(PAIRS)):
            check_pairs(params, pairs, workers, faults)
        with faults.guard(str(EXPORT)):
            checks = check_records(params, names, hashes, scratch, workers, faults)
            check_counts(params, manifest, checks.records, faults)
            if counts:  # else selecting again failed, and is a fault already
                with faults.guard(str(STATS)):
                    check_statistics(params, checks, counts, faults)
    report = {
        "valid": faults.total == 0,
        "dataset_id": manifest.get("dataset_id"),
        "records": {name: checks.records[name] for name in params.export.formats},
        # Of the selection that the gate made again: distinct prompts outside of train, and those that train has, too.
        "held_out_prompts": counts.get("held_out_prompts"),
        "leaked_prompts": counts.get("leaked_prompts"),
        "faults": faults.total,
        "faults_by_kind": dict(sorted(faults.counts.items())),
        "first_faults": faults.lines,
        "notes": [*checks.notes.lines, *more_than(checks.notes)],
    }
    write_text(VALIDATION, json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    if checks.notes.total:
        print(
            f"validate: note: each of {checks.notes.total} traces {LONG_NUMBER}; "
            "json.loads(text, parse_float=decimal.Decimal) reads it exactly, see docs/datasets.md; "
            f"`notes` in {VALIDATION} has their ids",
            file=sys.stderr,
        )
    if faults.total:
        print("\n".join(f"  {line}" for line in [*faults.lines, *more_than(faults)]), flush=True)
        raise TracesError(
            f"{faults.total} faults, named above and in {VALIDATION}; `dvc repro` rebuilds what was changed by hand"
        )


def more_than(faults: Faults) -> list[str]:
    """How many there are beyond those that have a line; nothing if each has one."""
    return [f"and {faults.total - NAMED} more"] if faults.total > NAMED else []


if __name__ == "__main__":
    run_stage("validate", work)
