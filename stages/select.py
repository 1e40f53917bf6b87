"""select: which traces are in the dataset, and in which split.

Reads data/traces/, data/exclusions.csv, and where they are asked for data/scores/ and data/evalsets/; writes
data/selection/: ids and splits by partition, counts.json, which says where every other trace went, and set_aside.jsonl
where traces are screened. Filters, exclusions, bounds and the screen come first, then duplicates, then the strategy: a
limit never hides a match.
"""

from __future__ import annotations

import json
import shutil
import sys
from functools import partial
from pathlib import Path

from stages.params.models import Params
from stages.paths import COUNTS, SCORES, SELECTION, SET_ASIDE, TRACES
from stages.runtime.executor import Workers, open_workers
from stages.runtime.memo import open_memo
from stages.runtime.partitioned import partition_names
from stages.runtime.progress import progress
from stages.runtime.run import run_stage
from stages.selection.candidates import recall_candidates, set_aside_path
from stages.selection.choice import choose
from stages.selection.evalsets import require_evalsets
from stages.selection.exclusions import EXCLUSIONS, load_exclusions
from stages.selection.fates import Fates, tally
from stages.selection.grouping import grouping_notes
from stages.selection.memo import remember_selection, selected_by
from stages.selection.screen import is_screened
from stages.selection.slips import require_keys, require_quotas, require_some, require_splits
from stages.selection.strata import shortages
from traces.errors import TracesError, one_line
from traces.files import folder_aside, scratch_folder


def work(params: Params) -> None:
    require_evalsets()
    with folder_aside(SELECTION) as selection, open_workers(len(partition_names(TRACES))) as workers:
        for line in select_into(selection, params, workers):
            print(f"select: note: {one_line(line)}", file=sys.stderr)
        remember_selection(selection, params)


def select_into(selection: Path, params: Params, workers: Workers) -> list[str]:
    """Write the selection that follows from data/traces/ and the takedown list; what a person should know of it.

    Raises:
        TracesError: it would be none that was asked for.
    """
    exclusions = load_exclusions()
    names = partition_names(TRACES)
    if params.selection.scored and not partition_names(SCORES):
        raise TracesError(f"{SCORES}: holds no scores to select by; `traces pin` and `dvc repro` bring those there are")
    with scratch_folder("select") as scratch:
        candidates = scratch / "candidates"
        candidates.mkdir()
        fates = Fates()
        with open_memo("select", selected_by(params, exclusions)) as memo:
            find = partial(recall_candidates, memo=memo, candidates=candidates, params=params, exclusions=exclusions)
            for part in progress(workers.map(find, enumerate(names)), len(names), "select"):
                fates.add(part)
        require_keys(params, fates)
        require_some(fates, fates.counts["candidates"])
        require_quotas(params, fates)
        counts, strata, large = choose(candidates, names, selection, params)
        require_splits(params.split, counts)
        written = tally(fates, counts) | ({"strata": strata} if strata else {})
        if is_screened(params):
            written["set_aside"] = dict(sorted(fates.set_aside.items()))
            _write_set_aside(candidates, names, selection)
        (selection / COUNTS.name).write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    unknown = (f"{EXCLUSIONS} names {line}, which no trace is" for line in exclusions.without(fates.taken_down))
    grouping = grouping_notes(params.split, fates, counts, large)
    return [*unknown, *shortages(params.selection.stratify, strata), *grouping]


def _write_set_aside(candidates: Path, names: list[str], selection: Path) -> None:
    with (selection / SET_ASIDE.name).open("wb") as target:
        for path in (set_aside_path(candidates, name) for name in names):
            if path.exists():
                with path.open("rb") as source:
                    shutil.copyfileobj(source, target)


if __name__ == "__main__":
    run_stage("select", work)
