"""The pairs of `tunix_dpo`: of the traces with one prompt, in one split, the best with the worst.

The best is paired with the worst, the second best with the second worst, and so on, as long as they rank and say
something different; of equal ranks the earlier trace is the better. So each trace is in one pair at most.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa

from stages.executor import open_workers, worker_count
from stages.filters import decode_meta
from stages.keys import HALF, halves
from stages.params import Params, Preference
from stages.partitioned import (
    PAIRS_SCHEMA,
    make_schema,
    partition_names,
    partition_path,
    write_partition,
)
from stages.paths import PAIR_COUNTS, RENDERED, SCORES, SELECTION, SPLITS
from stages.progress import progress
from stages.ranking import rank_of
from stages.selected import rendered_members
from traces.errors import TracesError

CANDIDATE_SCHEMA = make_schema(
    [
        ("part", pa.int32()),  # the partition, counted in order
        ("place", pa.int64()),  # the trace's in it: with `part` the (created_at, id) order
        ("id", pa.string()),
        ("split", pa.int8()),  # counted as in SPLITS
        ("prompt_high", HALF),  # of a hash of the rendered prompt
        ("prompt_low", HALF),
        ("text_high", HALF),  # and of the answer
        ("text_low", HALF),
        ("rank", pa.float64()),  # by metadata; scores are joined
    ]
)
_GROUP = "prompt_high, prompt_low, split"
# Best and worst count the same order from its two ends: the k-th best is before the k-th worst in it, or is not paired.
_PAIRS = f"""
    CREATE TABLE pairs AS
    WITH placed AS (
        SELECT *, row_number() OVER (PARTITION BY {_GROUP} ORDER BY rank DESC, part, place) AS best,
            row_number() OVER (PARTITION BY {_GROUP} ORDER BY rank, part DESC, place DESC) AS worst
        FROM ranked)
    SELECT b.part, b.place, b.split, b.id, w.id AS rejected_id
    FROM placed AS b JOIN placed AS w USING (prompt_high, prompt_low, split)
    WHERE b.best = w.worst AND b.rank > w.rank AND (b.text_high, b.text_low) <> (w.text_high, w.text_low)
"""  # noqa: S608 - no user's text
_WITH_TEXTS = """
    SELECT part, pairs.id, rejected_id, completion, split
    FROM pairs JOIN rendered ON rendered.id = rejected_id ORDER BY part, place
"""
_BY_METADATA = "SELECT * FROM candidates WHERE rank IS NOT NULL"
_BY_SCORES = "SELECT candidates.* REPLACE (score AS rank) FROM candidates JOIN scores USING (id)"
_COUNTS = {
    "selected": "SELECT count(*) FROM candidates",
    "ranked": "SELECT count(*) FROM ranked",
    "alone": f"SELECT count(*) FROM (SELECT 1 FROM ranked GROUP BY {_GROUP} HAVING count(*) = 1)",  # noqa: S608
}
# As in `select`; texts are joined and put in order in files where they do not fit.
_DUCKDB_MEMORY = "256MB"
_FETCHED_ROWS = 512


def find_pairs(folder: Path, params: Params) -> dict[str, Any]:
    """Write the pairs that follow from data/rendered/, and their counts, which are returned.

    Raises:
        TracesError: no selected trace has what ranks.
    """
    names = partition_names(SELECTION)
    preference = params.export.preference
    with tempfile.TemporaryDirectory(prefix="pairs-") as scratch:
        candidates = Path(scratch) / "candidates"
        candidates.mkdir()
        find = partial(find_candidates, candidates=candidates, preference=preference)
        keyed = 0
        with open_workers(len(names)) as workers:
            for number in progress(workers.map(find, enumerate(names)), len(names), "rank"):
                keyed += number
        if preference.key is not None and not keyed:
            raise TracesError(
                f"params.yaml: export.preference.key: no selected trace has the metadata key {preference.key}"
            )
        counts = _pair(candidates, names, folder, by_scores=preference.key is None)
    pairs = sum(counts[split] for split in SPLITS)
    written = {
        "unranked": counts["selected"] - counts["ranked"],
        "alone": counts["alone"],
        "unpaired": counts["ranked"] - counts["alone"] - 2 * pairs,
        "pairs": pairs,
        "splits": {split: counts[split] for split in SPLITS},
    }
    (folder / PAIR_COUNTS.name).write_text(json.dumps(written, indent=2) + "\n")
    return written


def find_candidates(part: tuple[int, str], candidates: Path, preference: Preference) -> int:
    """Write what pairing must know of one partition's traces; how many have the metadata key that ranks."""
    counts: Counter[str] = Counter()
    path = partition_path(candidates, part[1])
    write_partition(path, CANDIDATE_SCHEMA, _candidates(part, preference, counts))
    return counts["keyed"]


def _candidates(part: tuple[int, str], preference: Preference, counts: Counter[str]) -> Iterator[tuple[Any, ...]]:
    number, name = part
    for place, (split, trace) in enumerate(rendered_members(name)):
        meta = decode_meta(trace.meta or "null") or {}
        counts["keyed"] += preference.key in meta
        keys = (half for text in trace.rendered for half in _key(text))
        yield number, place, trace.id, SPLITS.index(split), *keys, rank_of(preference, meta)


def _key(text: str) -> tuple[int, int]:
    return halves(hashlib.sha256(text.encode()).hexdigest())


def _pair(candidates: Path, names: list[str], folder: Path, by_scores: bool) -> Counter[str]:
    """Write the pairs by the chosen trace's partition; how many there are by split, and what became of the others."""
    import duckdb  # after the workers have started: they need none of it

    counts: Counter[str] = Counter()
    with duckdb.connect(config={"memory_limit": _DUCKDB_MEMORY, "threads": worker_count()}) as database:
        database.execute("SET temp_directory = $folder", {"folder": str(candidates.parent / "duckdb")})
        database.read_parquet(str(candidates / "*.parquet")).create_view("candidates")
        database.read_parquet(str(RENDERED / "*.parquet")).create_view("rendered")
        if by_scores:
            database.read_parquet(str(SCORES / "*.parquet")).create_view("scores")
        database.execute(f"CREATE VIEW ranked AS {_BY_SCORES if by_scores else _BY_METADATA}")
        for name, sql in _COUNTS.items():
            (counts[name],) = database.execute(sql).fetchone() or (0,)
        database.execute(_PAIRS)
        result = database.execute(_WITH_TEXTS)
        rows = (row for batch in iter(lambda: result.fetchmany(_FETCHED_ROWS), []) for row in batch)
        for number, group in groupby(rows, key=itemgetter(0)):
            write_partition(partition_path(folder, names[number]), PAIRS_SCHEMA, _counted(group, counts))
    return counts


def _counted(rows: Iterator[tuple[int, str, str, str, int]], counts: Counter[str]) -> Iterator[tuple[str, str, str]]:
    for _, trace_id, rejected_id, completion, split in rows:
        counts[SPLITS[split]] += 1
        yield trace_id, rejected_id, completion
