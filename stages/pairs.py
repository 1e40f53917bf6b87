"""The pairs of `tunix_dpo`: of the answers to one prompt, in one split, the best with the worst.

Of traces that answer the same the one in the middle of their ranks stands for all: so no pair contradicts or repeats
another. The best answer is paired with the worst, the second best with the second worst, and so on, while they differ
in rank; of equal ranks the earlier trace is the better.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa

from stages.database import open_database
from stages.executor import Workers
from stages.filters import decode_meta
from stages.keys import HALF, text_halves
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
from traces.files import scratch_folder

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
_ANSWERS = f"""
    CREATE TABLE answers AS SELECT * FROM ranked
    QUALIFY row_number() OVER (PARTITION BY {_GROUP}, text_high, text_low ORDER BY rank, part, place)
        = (1 + count(*) OVER (PARTITION BY {_GROUP}, text_high, text_low)) // 2
"""  # noqa: S608 - no user's text
# Best and worst count the same order from its two ends: the k-th best is before the k-th worst in it, or is not paired.
_PAIRS = f"""
    CREATE TABLE matched AS
    WITH placed AS (
        SELECT *, row_number() OVER (PARTITION BY {_GROUP} ORDER BY rank DESC, part, place) AS best,
            row_number() OVER (PARTITION BY {_GROUP} ORDER BY rank, part DESC, place DESC) AS worst
        FROM answers)
    SELECT b.part, b.place, b.split, b.id, w.id AS rejected_id
    FROM placed AS b JOIN placed AS w USING (prompt_high, prompt_low, split)
    WHERE b.best = w.worst AND b.rank > w.rank
"""  # noqa: S608 - no user's text
_NUMBERED = "CREATE TABLE pairs AS SELECT *, row_number() OVER (ORDER BY part, place) - 1 AS number FROM matched"
_WITH_TEXTS = """
    SELECT part, pairs.id::VARCHAR, rejected_id::VARCHAR, completion, split
    FROM pairs JOIN rendered ON rendered.id::UUID = rejected_id
    WHERE number >= $first AND number < $first + $slice ORDER BY number
"""
# An id as UUID takes 16 bytes.
_BY_METADATA = "SELECT * REPLACE (id::UUID AS id) FROM candidates WHERE rank IS NOT NULL"
_BY_SCORES = "SELECT candidates.* REPLACE (id::UUID AS id, score AS rank) FROM candidates JOIN scores USING (id)"
_COUNTS = {
    "selected": "SELECT count(*) FROM candidates",
    "ranked": "SELECT count(*) FROM ranked",
    "answers": "SELECT count(*) FROM answers",
    "alone": f"SELECT count(*) FROM (SELECT 1 FROM answers GROUP BY {_GROUP} HAVING count(*) = 1)",  # noqa: S608
}
# On any machine: each needs a share of the memory to put texts in order, and with a few there would be too little.
THREADS = 1
# Pairs whose texts are brought and put in order at once: of all of them the merge alone would not fit.
SLICE_PAIRS = 65_536
_FETCHED_ROWS = 512


def find_pairs(folder: Path, params: Params, workers: Workers) -> dict[str, Any]:
    """Write the pairs that follow from data/rendered/, and their counts, which are returned.

    Raises:
        TracesError: data/scores/ is empty, where scores rank.
    """
    names = partition_names(SELECTION)
    preference = params.export.preference
    if preference.key is None and not partition_names(SCORES):
        raise TracesError(f"{SCORES}: holds no scores to rank by; `dvc repro` makes it")
    with scratch_folder("pairs") as scratch:
        candidates = scratch / "candidates"
        candidates.mkdir()
        find = partial(find_candidates, candidates=candidates, preference=preference)
        for _ in progress(workers.map(find, enumerate(names)), len(names), "rank"):
            pass
        counts = _pair(candidates, names, folder, by_scores=preference.key is None)
    pairs = sum(counts[split] for split in SPLITS)
    written = {
        "unranked": counts["selected"] - counts["ranked"],
        "repeats": counts["ranked"] - counts["answers"],
        "alone": counts["alone"],
        "unpaired": counts["answers"] - counts["alone"] - 2 * pairs,
        "pairs": pairs,
        "splits": {split: counts[split] for split in SPLITS},
    }
    (folder / PAIR_COUNTS.name).write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    return written


def find_candidates(part: tuple[int, str], candidates: Path, preference: Preference) -> None:
    """Write what pairing must know of one partition's traces."""
    write_partition(partition_path(candidates, part[1]), CANDIDATE_SCHEMA, _candidates(part, preference))


def _candidates(part: tuple[int, str], preference: Preference) -> Iterator[tuple[Any, ...]]:
    number, name = part
    for place, (split, trace) in enumerate(rendered_members(name, with_steps=False)):
        meta = decode_meta(trace.meta or "null") or {}
        keys = (half for text in trace.rendered for half in text_halves(text))
        yield number, place, trace.id, SPLITS.index(split), *keys, rank_of(preference, meta)


def _pair(candidates: Path, names: list[str], folder: Path, by_scores: bool) -> Counter[str]:
    """Write the pairs by the chosen trace's partition; how many there are by split, and what became of the others."""
    counts: Counter[str] = Counter()
    with open_database(candidates.parent, THREADS) as database:
        database.read_parquet(str(candidates / "*.parquet")).create_view("candidates")
        database.read_parquet(str(RENDERED / "*.parquet")).create_view("rendered")
        if by_scores:
            database.read_parquet(str(SCORES / "*.parquet")).create_view("scores")
        database.execute(f"CREATE VIEW ranked AS {_BY_SCORES if by_scores else _BY_METADATA}")
        database.execute(_ANSWERS)
        for name, sql in _COUNTS.items():
            (counts[name],) = database.execute(sql).fetchone() or (0,)
        for sql in (_PAIRS, "DROP TABLE answers", _NUMBERED, "DROP TABLE matched"):
            database.execute(sql)
        for number, group in groupby(_with_texts(database), key=itemgetter(0)):
            write_partition(partition_path(folder, names[number]), PAIRS_SCHEMA, _counted(group, counts))
    return counts


def _with_texts(database: Any) -> Iterator[tuple[int, str, str, str, int]]:
    """The pairs in order, each with the rejected trace's text."""
    (pairs,) = database.execute("SELECT count(*) FROM pairs").fetchone()
    for first in range(0, pairs, SLICE_PAIRS):
        result = database.execute(_WITH_TEXTS, {"first": first, "slice": SLICE_PAIRS})
        while batch := result.fetchmany(_FETCHED_ROWS):
            yield from batch


def _counted(rows: Iterator[tuple[int, str, str, str, int]], counts: Counter[str]) -> Iterator[tuple[str, str, str]]:
    for _, trace_id, rejected_id, completion, split in rows:
        counts[SPLITS[split]] += 1
        yield trace_id, rejected_id, completion
