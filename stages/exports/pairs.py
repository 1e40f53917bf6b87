"""The pairs of `tunix_dpo`: of the answers to one prompt, in one split, the best with the worst.

Prompts and final answers are compared at the level canonical of traces/texts.py, an answer without an `Answer:` of its
own, as it is rendered. Of traces with the same final answer the one in the middle of their ranks stands for all: so no
pair contradicts or repeats another, however the reasoning is worded. The best answer is paired with the worst, the
second best with the second worst, and so on, while they differ in rank; of equal ranks the earlier trace is the better.
DuckDB sees keys only: texts of any size would not fit into its memory. They lie end to end in files, and each is read
where its pair is written.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from stages.exports.ranking import rank_of
from stages.params.models import Params, Preference
from stages.paths import PAIR_COUNTS, SCORES, SELECTION, SPLITS
from stages.runtime.database import open_database
from stages.runtime.executor import Workers
from stages.runtime.keys import HALF, text_halves
from stages.runtime.partitioned import (
    PAIRS_SCHEMA,
    make_schema,
    partition_names,
    partition_path,
    write_partition,
)
from stages.runtime.progress import progress
from stages.selected import rendered_members
from stages.selection.filters import decode_meta
from traces.errors import TracesError
from traces.files import read_piece, scratch_folder
from traces.texts import canonical
from training.renderers.labels import bare_answer
from training.renderers.tunix_sft import turn_texts
from training.templates import Template, load_template

SELECTED_SCHEMA = make_schema(
    [
        ("part", pa.int32()),  # the partition, counted in order
        ("place", pa.int64()),  # the trace's in it: with `part` the (created_at, id) order
        ("id", pa.string()),
        ("split", pa.int8()),  # counted as in SPLITS
        ("prompt_high", HALF),  # of a hash of the question as rendered
        ("prompt_low", HALF),
        ("text_high", HALF),  # and of the final answer
        ("text_low", HALF),
        ("rank", pa.float64()),  # by metadata; scores are joined
        ("first", pa.int64()),  # where the completion begins in the partition's texts, in bytes, and how many it has
        ("size", pa.int64()),
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
    CREATE TABLE pairs AS
    WITH placed AS (
        SELECT *, row_number() OVER (PARTITION BY {_GROUP} ORDER BY rank DESC, part, place) AS best,
            row_number() OVER (PARTITION BY {_GROUP} ORDER BY rank, part DESC, place DESC) AS worst
        FROM answers)
    SELECT b.part, b.place, b.split, b.id, w.id AS rejected_id, w.part AS rejected_part, w.first, w.size
    FROM placed AS b JOIN placed AS w USING (prompt_high, prompt_low, split)
    WHERE b.best = w.worst AND b.rank > w.rank
"""  # noqa: S608 - no user's text
_IN_ORDER = """
    SELECT part, id::VARCHAR, split, rejected_part, rejected_id::VARCHAR, first, size FROM pairs ORDER BY part, place
"""
# An id as UUID takes 16 bytes.
_BY_METADATA = "SELECT * REPLACE (id::UUID AS id) FROM selected WHERE rank IS NOT NULL"
_BY_SCORES = "SELECT selected.* REPLACE (id::UUID AS id, score AS rank) FROM selected JOIN scores USING (id)"
_COUNTS = {
    "selected": "SELECT count(*) FROM selected",
    "ranked": "SELECT count(*) FROM ranked",
    "answers": "SELECT count(*) FROM answers",
    "alone": f"SELECT count(*) FROM (SELECT 1 FROM answers GROUP BY {_GROUP} HAVING count(*) = 1)",  # noqa: S608
}
FETCHED_ROWS = 4096


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
        selected, texts = scratch / "selected", scratch / "texts"
        selected.mkdir()
        texts.mkdir()
        template = load_template(params.render.template)
        find = partial(write_selected, selected=selected, texts=texts, preference=preference, template=template)
        for _ in progress(workers.map(find, enumerate(names)), len(names), "rank"):
            pass
        counts = _pair(selected, texts, names, folder, by_scores=preference.key is None)
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


def write_selected(
    part: tuple[int, str], selected: Path, texts: Path, preference: Preference, template: Template
) -> None:
    """Write what pairing must know of one partition's traces, and the completions end to end into a file of `texts`."""
    with (texts / part[1]).open("wb") as file:
        write_partition(partition_path(selected, part[1]), SELECTED_SCHEMA, _selected(part, preference, template, file))


def _selected(
    part: tuple[int, str], preference: Preference, template: Template, texts: IO[bytes]
) -> Iterator[tuple[Any, ...]]:
    number, name = part
    first = 0
    for place, (split, trace) in enumerate(rendered_members(name, with_steps=False)):
        meta = decode_meta(trace.meta or "null") or {}
        question, _ = turn_texts(trace.rendered, template)
        compared = (canonical(question), canonical(bare_answer(trace.final_answer)))
        keys = (half for text in compared for half in text_halves(text))
        size = texts.write(trace.rendered.completion.encode())
        yield number, place, trace.id, SPLITS.index(split), *keys, rank_of(preference, meta), first, size
        first += size


def _pair(selected: Path, texts: Path, names: list[str], folder: Path, by_scores: bool) -> Counter[str]:
    """Write the pairs by the chosen trace's partition; how many there are by split, and what became of the others."""
    counts: Counter[str] = Counter()
    with open_database(selected.parent) as database:
        database.read_parquet(str(selected / "*.parquet")).create_view("selected")
        if by_scores:
            database.read_parquet(str(SCORES / "*.parquet")).create_view("scores")
        database.execute(f"CREATE VIEW ranked AS {_BY_SCORES if by_scores else _BY_METADATA}")
        database.execute(_ANSWERS)
        for name, sql in _COUNTS.items():
            (counts[name],) = database.execute(sql).fetchone() or (0,)
        database.execute(_PAIRS)
        for number, group in groupby(_in_order(database), key=itemgetter(0)):
            rows = _with_texts(group, [texts / name for name in names], counts)
            write_partition(partition_path(folder, names[number]), PAIRS_SCHEMA, rows)
    return counts


_Pair = tuple[int, str, int, int, str, int, int]


def _in_order(database: Any) -> Iterator[_Pair]:
    result = database.execute(_IN_ORDER)
    while batch := result.fetchmany(FETCHED_ROWS):
        yield from batch


def _with_texts(pairs: Iterator[_Pair], texts: list[Path], counts: Counter[str]) -> Iterator[tuple[str, str, str]]:
    """The pairs as `PAIRS_SCHEMA` has them, each counted by its split, with the rejected trace's text."""
    for _, trace_id, split, rejected_part, rejected_id, first, size in pairs:
        counts[SPLITS[split]] += 1
        yield trace_id, rejected_id, read_piece(texts[rejected_part], first, size).decode()
