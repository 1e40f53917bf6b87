"""The gate's look at what was chosen: the selection and the pairs, made again and compared."""

from __future__ import annotations

import filecmp
import json
from itertools import zip_longest
from pathlib import Path
from typing import Any

from stages.exports.pairs import find_pairs
from stages.gate.faults import Faults
from stages.params.models import Params
from stages.paths import (
    COUNTS,
    PAIRS,
    SELECTION,
    SET_ASIDE,
)
from stages.runtime.executor import Workers
from stages.runtime.partitioned import partition_names, partition_path, read_rows
from stages.select import select_into
from stages.selection.memo import is_remembered
from traces.errors import one_line
from traces.ignored import list_files


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
        for path in (PAIRS / name for name in list_files(PAIRS)):
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
    for path in (held / name for name in list_files(held)):
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
