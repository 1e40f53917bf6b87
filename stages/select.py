"""select: which traces are in the dataset, and in which split.

Reads data/traces/, data/exclusions.csv, and data/scores/ where scores are asked for; writes data/selection/: ids and
splits by partition, and counts.json, which says where every other trace went. Filters, exclusions and bounds come
first, then duplicates, then the strategy: a limit never hides a match.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from stages.exclusions import EXCLUSIONS, Exclusions, load_exclusions
from stages.executor import Workers, open_workers, worker_count
from stages.filters import OURS, compile_filters, decode_meta, ours
from stages.keys import HALF, halves, id_halves, id_text
from stages.measures import UNFIT, Measures
from stages.memo import Memo, content_of, open_memo, remembering
from stages.near_duplicates import drop_near
from stages.params import Params, Range, Split
from stages.partitioned import (
    CHUNK_ROWS,
    SELECTION_SCHEMA,
    batch_of,
    make_schema,
    partition_names,
    partition_path,
    read_chunks,
    values,
    write_batches,
)
from stages.paths import COUNTS, SCORES, SELECTION, SPLITS, TRACES
from stages.progress import progress
from stages.run import run_stage
from stages.selection_memo import remember_selection, selected_by
from stages.sketches import sketch_schema, sketches
from stages.splits import keyed_hash, split_of
from stages.strata import count_strata, shortages, stratum_of
from stages.strategies import EVERY, ORDER, chosen_sql, create_quotas, preferred
from traces.errors import TracesError, one_line
from traces.files import folder_aside, scratch_folder
from training.control_tokens import has_control_token

IntArray = npt.NDArray[np.int64]

CANDIDATE_SCHEMA = make_schema(
    [
        ("candidate", pa.bool_()),  # the others are here for their id alone
        ("part", pa.int32()),  # the partition, counted in order
        ("place", pa.int64()),  # the trace's in it: with `part` the (created_at, id) order
        ("id_high", HALF),
        ("id_low", HALF),
        ("created_us", pa.int64()),
        ("content_high", HALF),
        ("content_low", HALF),
        ("random", pa.uint64()),
        ("split", pa.int8()),  # counted as in SPLITS
        ("score", pa.float64()),  # null where none are asked for, as is the next
        ("stratum", pa.string()),
    ]
)
_COLUMNS = ["id", "created_us", "trace_version", "content_sha256", "meta"]
_TEXTS = ["prompt", "steps", "final_answer"]
# The fates of traces that are no candidates, in the order in which they are looked at.
EARLY = ("filtered", "excluded", "rejected", *UNFIT, "unlisted")
# Far above what a narrow row needs; beyond it DuckDB goes on in files beside the candidates.
_DUCKDB_MEMORY = "256MB"
FETCHED_ROWS = 65_536
MAX_THREADS = 8  # each has buffers of its own, for which that memory has no room without end


@dataclass
class Fates:
    """How many traces were read, and why those that are no candidates are none."""

    counts: Counter[str] = field(default_factory=Counter)
    keys: set[str] = field(default_factory=set)
    matches: Counter[str] = field(default_factory=Counter)
    taken_down: set[str] = field(default_factory=set)  # what of the takedown list was found
    strata: Counter[str] = field(default_factory=Counter)  # the candidates of those that have a quota

    def add(self, other: Fates) -> None:
        self.counts += other.counts
        self.keys |= other.keys
        self.matches += other.matches
        self.taken_down |= other.taken_down
        self.strata += other.strata


def work(params: Params) -> None:
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
        counts, strata = choose(candidates, names, selection, params)
        require_splits(params.split, counts)
        written = tally(fates, counts) | ({"strata": strata} if strata else {})
        (selection / COUNTS.name).write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    unknown = (f"{EXCLUSIONS} names {line}, which no trace is" for line in exclusions.without(fates.taken_down))
    return [*unknown, *shortages(params.selection.stratify, strata)]


def recall_candidates(
    part: tuple[int, str], memo: Memo | None, candidates: Path, params: Params, exclusions: Exclusions
) -> Fates:
    """Like `find_candidates`, for a partition that is as it was, what was found then."""
    number, name = part
    return remembering(
        memo,
        lambda: [str(number), *content_of(partition_path(TRACES, name), partition_path(SCORES, name))],
        [partition_path(candidates, name)],
        Fates,
        lambda: find_candidates(part, candidates, params, exclusions),
    )


def find_candidates(part: tuple[int, str], candidates: Path, params: Params, exclusions: Exclusions) -> Fates:
    """Write what selection must know of one partition's traces, and say which are no candidates."""
    number, name = part
    fates = Fates()
    judge = Judge(params, exclusions, fates, Measures(params.selection, name))
    batches = (judge.batch(number, batch) for batch in read_chunks(partition_path(TRACES, name), judge.columns))
    write_batches(partition_path(candidates, name), judge.schema, _placed(batches, judge.schema))
    return fates


def _placed(batches: Iterator[list[Any]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The batches with the place of each row in its partition."""
    first = 0
    for columns in batches:
        end = first + len(columns[0])
        yield batch_of(schema, [*columns[:2], pa.array(np.arange(first, end)), *columns[2:]])
        first = end


class Judge:
    """Tells which traces are candidates, and for each that is, what selection goes by."""

    def __init__(self, params: Params, exclusions: Exclusions, fates: Fates, measures: Measures) -> None:
        self.exclusions, self.fates, self.split, self.measures = exclusions, fates, params.split, measures
        self.filters = compile_filters(params.filters)
        self.reject = params.render.control_tokens == "reject"
        keyed = params.selection.strategy in ("random", "stratified")
        self.order_key = f"select:{params.selection.seed}" if keyed else None
        self.stratify = params.selection.stratify
        self.asks_ours = not {*self.filters, *params.split.group_by, *self.stratify.by}.isdisjoint(OURS)
        self.threshold = params.selection.near_threshold if params.selection.dedup == "near" else None
        self.schema = CANDIDATE_SCHEMA
        self.columns = _COLUMNS
        if self.threshold is not None:
            self.schema = pa.schema([*CANDIDATE_SCHEMA, *sketch_schema(self.threshold)])
            self.columns = [*_COLUMNS, "prompt", "final_answer"]
        if self.reject or measures.counted:
            self.columns = _COLUMNS + _TEXTS

    def batch(self, number: int, batch: pa.RecordBatch) -> list[Any]:
        """The candidates' columns of a batch of traces, `place` apart. Those that are none are here for their id."""
        ids, times, versions, contents, metas = (values(batch.column(name)) for name in _COLUMNS)
        texts = [values(batch.column(name)) for name in _TEXTS] if self.reject else []
        scores = self.measures.scores(ids)
        unfit = self.measures.unfit(batch, scores)
        judged = [self._judge(*row) for row in zip(ids, times, versions, contents, metas, unfit, *texts, strict=True)]
        order = [0] * len(ids) if self.order_key is None else [keyed_hash(self.order_key, i) for i in ids]
        candidate = [found is not None for found in judged]
        return [
            candidate,
            [number] * len(ids),
            *id_halves(ids),
            batch.column("created_us"),
            *halves(contents),
            np.array(order, np.uint64),
            [0 if found is None else found[0] for found in judged],
            scores,
            [None if found is None else found[1] for found in judged],
            *self._sketches(batch, np.array(candidate)),
        ]

    def _sketches(self, batch: pa.RecordBatch, candidate: npt.NDArray[np.bool_]) -> Iterator[npt.NDArray[np.uint64]]:
        """The sketches' columns where near duplicates are looked for, 0 for traces that are no candidates."""
        if self.threshold is None:
            return
        prompts, answers = (
            values(batch.column(name).filter(pa.array(candidate))) for name in ("prompt", "final_answer")
        )
        for words in sketches(prompts, answers, self.threshold):
            column = np.zeros(len(candidate), np.uint64)
            column[candidate] = words
            yield column

    def _judge(
        self, trace_id: str, us: int, version: str, content: str, meta_text: str, unfit: str | None, *texts: Any
    ) -> tuple[int, str | None] | None:
        """The candidate's split, counted as in SPLITS, and stratum; None where the trace is none. Counts its fate."""
        fates = self.fates
        fates.counts["valid"] += 1
        meta = decode_meta(meta_text) or {}
        if self.asks_ours:
            meta |= ours(us, version)
        if not meta.keys() <= fates.keys:
            fates.keys.update(meta)
        on_list = self.exclusions.covering(trace_id, content) if self.exclusions else []
        fates.taken_down.update(on_list)
        matched = 0
        for key, matches in self.filters.items():
            if key in meta and matches(meta[key]):
                matched += 1
                fates.matches[key] += 1
        fate = self._early_fate(matched, on_list, texts) or unfit
        stratum = stratum_of(meta, self.stratify.by) if self.stratify.by and not fate else None
        if stratum is not None and self.stratify.quotas is not None:
            if stratum in self.stratify.quotas:
                fates.strata[stratum] += 1
            else:
                fate = "unlisted"
        fates.counts[fate or "candidates"] += 1
        return None if fate else (SPLITS.index(split_of(trace_id, meta, self.split)), stratum)

    def _early_fate(self, matched: int, on_list: list[str], texts: Sequence[str | list[str]]) -> str | None:
        if matched < len(self.filters):
            return "filtered"
        if on_list:
            return "excluded"
        return "rejected" if self.reject and any(map(has_control_token, _flat(texts))) else None


def _flat(texts: Sequence[str | list[str]]) -> Iterator[str]:
    for text in texts:
        if isinstance(text, str):
            yield text
        else:
            yield from text


def choose(candidates: Path, names: list[str], selection: Path, params: Params) -> tuple[Counter[str], dict[str, int]]:
    """Apply duplicates, strategy and limit, and write the selection by partition. Returns counts, also by stratum."""
    import duckdb  # after the workers have started: they need none of it

    asked = params.selection
    counts: Counter[str] = Counter()
    gone = candidates.parent / "gone.parquet"
    if asked.dedup == "near":
        counts["deduplicated"] = drop_near(candidates, gone, preferred(asked), asked.near_threshold)
    with duckdb.connect(
        config={"memory_limit": _DUCKDB_MEMORY, "threads": min(worker_count(), MAX_THREADS)}
    ) as database:
        database.execute("SET temp_directory = $folder", {"folder": str(candidates.parent / "duckdb")})
        database.read_parquet(str(candidates / "*.parquet")).create_view("traces")
        # Of all traces, selected or not: a trace is found again by its id.
        twice = "SELECT id_high, id_low FROM traces GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
        for found in database.execute(twice).fetchall():
            raise TracesError(f"id {id_text(*found)} stands on two rows of the store; remove one of them and pin again")
        columns = ", ".join(CANDIDATE_SCHEMA.names[1:])
        database.execute(f"CREATE VIEW candidates AS SELECT {columns} FROM traces WHERE candidate")  # noqa: S608 - ours
        if asked.dedup == "near":
            database.read_parquet(str(gone)).create_view("gone")
        create_quotas(database, asked)
        sql = chosen_sql(asked)
        # What is every candidate need not be held a second time.
        database.execute(f"CREATE {'VIEW' if sql == EVERY else 'TABLE'} chosen AS {sql}")
        if asked.dedup == "exact":
            counts["deduplicated"] = _repeats(database, "candidates")
        counts["duplicates"] = _repeats(database, "chosen")
        result = database.sql(f"SELECT part, place, split FROM chosen ORDER BY {ORDER}")  # noqa: S608 - no user's text
        for number, places, splits in _by_partition(result):
            for split, count in zip(SPLITS, np.bincount(splits, minlength=len(SPLITS)), strict=True):
                counts[split] += int(count)
            _write_selection(names[number], places, splits, selection)
        counts["selected"] = sum(counts[split] for split in SPLITS)
        strata = count_strata(database, asked.stratify, counts["selected"]) if asked.stratify.by else {}
    return counts, strata


def _by_partition(result: Any) -> Iterator[tuple[int, IntArray, IntArray]]:
    """The chosen places and their splits, a partition at a time, of rows that come in order."""
    held: list[tuple[IntArray, IntArray]] = []
    current = -1
    for batch in result.to_arrow_reader(FETCHED_ROWS):
        parts, places, splits = (column.to_numpy() for column in batch.columns)
        starts = np.flatnonzero(np.diff(parts, prepend=current))
        for piece in np.split(np.arange(len(parts)), starts):
            if not len(piece):
                continue
            number = int(parts[piece[0]])
            if number != current and held:
                yield current, *_joined(held)
                held = []
            current = number
            held.append((places[piece], splits[piece]))
    if held:
        yield current, *_joined(held)


def _joined(pieces: list[tuple[IntArray, IntArray]]) -> tuple[IntArray, IntArray]:
    places, splits = zip(*pieces, strict=True)
    return np.concatenate(places), np.concatenate(splits)


def _write_selection(name: str, places: IntArray, splits: IntArray, selection: Path) -> None:
    ids = pq.read_table(partition_path(TRACES, name), columns=["id"]).column("id").combine_chunks()
    names = pa.array(SPLITS)
    chosen = batch_of(SELECTION_SCHEMA, [ids.take(places), names.take(splits)])
    pieces = (chosen.slice(first, CHUNK_ROWS) for first in range(0, chosen.num_rows, CHUNK_ROWS))
    write_batches(partition_path(selection, name), SELECTION_SCHEMA, pieces)


def _repeats(database: Any, table: str) -> int:
    """How many rows have the content of another one, the first of each apart."""
    count = f"SELECT sum(n) - count(*) FROM (SELECT count(*) AS n FROM {table} GROUP BY content_high, content_low)"  # noqa: S608
    ((repeats,),) = database.execute(count).fetchall()
    return int(repeats)


def require_keys(params: Params, fates: Fates) -> None:
    """Refuse a filter or a group by a key that no trace has: it is a slip, and would select or group nothing.

    Raises:
        TracesError: there is one.
    """
    keys = fates.keys | OURS
    known = one_line(", ".join(sorted(keys)), 400)
    for where, by in (
        ("split.group_by", params.split.group_by),
        ("selection.stratify.by", params.selection.stratify.by),
    ):
        for key in by:
            if key not in keys:
                raise TracesError(
                    f"params.yaml: {where}: no trace has the metadata key {key}; take it out; there are {known}"
                )
    for key in compile_filters(params.filters):
        if key not in keys:
            raise TracesError(f"params.yaml: filters.{key}: no trace has this metadata key; there are {known}")
        if not fates.matches[key]:
            value = params.filters[key]
            shown = value.model_dump(exclude_none=True) if isinstance(value, Range) else value
            raise TracesError(
                f"params.yaml: filters.{key}: {shown!r} matches none of {fates.counts['valid']} traces; text matches "
                "text and a number a number, null takes any"
            )


def require_some(fates: Fates, left: int) -> None:
    """Refuse an empty selection.

    Raises:
        TracesError: nothing is left; the message says where it went.
    """
    if not left:
        went = ", ".join(f"{fates.counts[fate]} {fate.replace('_', ' ')}" for fate in EARLY if fates.counts[fate])
        raise TracesError(
            f"no trace is left of {fates.counts['valid']}: {went}; loosen `filters` or `selection` in params.yaml"
        )


def require_quotas(params: Params, fates: Fates) -> None:
    """Refuse a quota of what no candidate is: it is a slip.

    Raises:
        TracesError: there is one.
    """
    stratify = params.selection.stratify
    for value in stratify.quotas or {}:
        if not fates.strata[value]:
            raise TracesError(
                f"params.yaml: selection.stratify.quotas.{one_line(value, 80)}: none of {fates.counts['candidates']} "
                f"traces has this {stratify.by[0]}; take it out, or loosen `filters`"
            )


def require_splits(split: Split, counts: Counter[str]) -> None:
    """Refuse an empty split that was asked for.

    Raises:
        TracesError: there is one.
    """
    for name in split.asked:
        if not counts[name]:
            raise TracesError(
                f"split {name} is empty, {counts['selected']} traces are selected; "
                "change the fractions under `split`, select more, or group by less"
            )


def tally(fates: Fates, counts: Counter[str]) -> dict[str, Any]:
    """counts.json. Every valid trace has one fate; `duplicates` counts repeats among the selected."""
    return {
        "valid": fates.counts["valid"],
        **{fate: fates.counts[fate] for fate in EARLY},
        "deduplicated": counts["deduplicated"],
        "over_limit": fates.counts["candidates"] - counts["deduplicated"] - counts["selected"],
        "selected": counts["selected"],
        "duplicates": counts["duplicates"],
        "splits": {name: counts[name] for name in SPLITS},
    }


if __name__ == "__main__":
    run_stage("select", work)
