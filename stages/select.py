"""select: which traces are in the dataset, and in which split.

Reads data/traces/ and data/exclusions.csv; writes data/selection/: ids and splits by partition, and
counts.json, which says where every other trace went. Filters and exclusions come first, then duplicates,
then the strategy: a limit never hides a match.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa

from stages.exclusions import EXCLUSIONS, Exclusions, load_exclusions
from stages.executor import open_workers, worker_count
from stages.filters import compile_filters, filterable
from stages.keys import HALF, halves, id_halves, id_text
from stages.params import Params, Range, Split
from stages.partitioned import (
    SELECTION_SCHEMA,
    make_schema,
    partition_names,
    partition_path,
    read_rows,
    write_partition,
)
from stages.paths import COUNTS, SELECTION, SPLITS, TRACES
from stages.progress import progress
from stages.run import run_stage
from stages.splits import keyed_hash, split_of
from traces.errors import TracesError, one_line
from traces.files import folder_aside
from traces.times import to_iso
from training.control_tokens import has_control_token

CANDIDATE_SCHEMA = make_schema(
    [
        ("candidate", pa.bool_()),  # the others are here for their id alone
        ("part", pa.int32()),  # the partition, counted in order
        ("id_high", HALF),
        ("id_low", HALF),
        ("created_us", pa.int64()),
        ("content_high", HALF),
        ("content_low", HALF),
        ("random", pa.uint64()),
        ("split", pa.int8()),  # counted as in SPLITS
    ]
)
_EVERY = "SELECT * FROM candidates"
_ORDER = "created_us, id_high, id_low"
_COLUMNS = ["id", "created_us", "trace_version", "content_sha256", "meta"]
_TEXTS = ["prompt", "steps", "final_answer"]
# Far above what a narrow row needs; beyond it DuckDB goes on in files beside the candidates.
_DUCKDB_MEMORY = "256MB"


@dataclass
class Fates:
    """How many traces were read, and why those that are no candidates are none."""

    counts: Counter[str] = field(default_factory=Counter)
    keys: set[str] = field(default_factory=set)
    matches: Counter[str] = field(default_factory=Counter)
    taken_down: set[str] = field(default_factory=set)  # what of the takedown list was found

    def add(self, other: Fates) -> None:
        self.counts += other.counts
        self.keys |= other.keys
        self.matches += other.matches
        self.taken_down |= other.taken_down


def work(params: Params) -> None:
    with folder_aside(SELECTION) as selection:
        for line in select_into(selection, params):
            print(f"select: note: {EXCLUSIONS} names {line}, which no trace is", file=sys.stderr)


def select_into(selection: Path, params: Params) -> list[str]:
    """Write the selection that follows from data/traces/ and the takedown list; what of that is no trace.

    Raises:
        TracesError: it would be none that was asked for.
    """
    exclusions = load_exclusions()
    names = partition_names(TRACES)
    with tempfile.TemporaryDirectory(prefix="select-") as scratch:
        candidates = Path(scratch) / "candidates"
        candidates.mkdir()
        find = partial(find_candidates, candidates=candidates, params=params, exclusions=exclusions)
        fates = Fates()
        with open_workers(len(names)) as workers:
            for part in progress(workers.map(find, enumerate(names)), len(names), "select"):
                fates.add(part)
        require_keys(params, fates)
        require_some(fates, fates.counts["candidates"])
        counts = choose(candidates, names, selection, params)
        require_splits(params.split, counts)
        written = tally(fates, counts, params.selection.dedup)
        (selection / COUNTS.name).write_text(json.dumps(written, indent=2) + "\n")
    return exclusions.without(fates.taken_down)


def find_candidates(part: tuple[int, str], candidates: Path, params: Params, exclusions: Exclusions) -> Fates:
    """Write what selection must know of one partition's traces, and say which are no candidates."""
    fates = Fates()
    rows = _candidates(part, params, exclusions, fates)
    write_partition(partition_path(candidates, part[1]), CANDIDATE_SCHEMA, rows)
    return fates


def _candidates(
    part: tuple[int, str], params: Params, exclusions: Exclusions, fates: Fates
) -> Iterator[tuple[Any, ...]]:
    number, name = part
    filters = compile_filters(params.filters)
    reject = params.render.control_tokens == "reject"
    columns = _COLUMNS + (_TEXTS if reject else [])
    for trace_id, us, version, content, meta_text, *texts in read_rows(partition_path(TRACES, name), columns):
        fates.counts["valid"] += 1
        meta = filterable(meta_text, to_iso(us), version)
        fates.keys.update(meta)
        on_list = exclusions.covering(trace_id, content)
        fates.taken_down.update(on_list)
        matched = [key for key, matches in filters.items() if key in meta and matches(meta[key])]
        fates.matches.update(matched)
        if len(matched) < len(filters):
            fates.counts["filtered"] += 1
        elif on_list:
            fates.counts["excluded"] += 1
        elif reject and any(map(has_control_token, _flat(texts))):
            fates.counts["rejected"] += 1
        else:
            fates.counts["candidates"] += 1
            order = keyed_hash(f"select:{params.selection.seed}", trace_id)
            split = SPLITS.index(split_of(trace_id, meta, params.split))
            yield True, number, *id_halves(trace_id), us, *halves(content), order, split
            continue
        yield False, number, *id_halves(trace_id), us, 0, 0, 0, 0


def _flat(texts: list[Any]) -> Iterator[str]:
    prompt, steps, answer = texts
    yield prompt
    yield from steps
    yield answer


def choose(candidates: Path, names: list[str], selection: Path, params: Params) -> Counter[str]:
    """Apply duplicates, strategy and limit, and write the selection by partition. Returns its counts."""
    import duckdb  # after the workers have started: they need none of it

    counts: Counter[str] = Counter()
    with duckdb.connect(config={"memory_limit": _DUCKDB_MEMORY, "threads": worker_count()}) as database:
        database.execute("SET temp_directory = $folder", {"folder": str(candidates.parent / "duckdb")})
        database.read_parquet(str(candidates / "*.parquet")).create_view("traces")
        # Of all traces, selected or not: a trace is found again by its id.
        twice = "SELECT id_high, id_low FROM traces GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
        if found := database.execute(twice).fetchone():
            raise TracesError(f"id {id_text(*found)} stands on two rows of the store; remove one of them and pin again")
        database.execute("CREATE VIEW candidates AS SELECT * EXCLUDE (candidate) FROM traces WHERE candidate")
        sql = chosen_sql(params)
        # What is every candidate need not be held a second time.
        database.execute(f"CREATE {'VIEW' if sql == _EVERY else 'TABLE'} chosen AS {sql}")
        counts["repeats"] = _repeats(database, "candidates")
        counts["duplicates"] = _repeats(database, "chosen")
        (counts["selected"],) = _row(database, "SELECT count(*) FROM chosen")
        result = database.execute(
            "SELECT part, id_high, id_low, split FROM chosen ORDER BY created_us, id_high, id_low"
        )
        rows = iter(lambda: result.fetchmany(4096), [])
        for number, group in groupby((row for batch in rows for row in batch), key=itemgetter(0)):
            kept = _counted(group, counts)
            write_partition(partition_path(selection, names[number]), SELECTION_SCHEMA, kept)
    return counts


def _counted(rows: Iterator[tuple[int, int, int, int]], counts: Counter[str]) -> Iterator[tuple[str, str]]:
    for _, high, low, split in rows:
        counts[SPLITS[split]] += 1
        yield id_text(high, low), SPLITS[split]


def _repeats(database: Any, table: str) -> int:
    """How many rows have the content of another one, the first of each apart."""
    count = f"SELECT sum(n) - count(*) FROM (SELECT count(*) AS n FROM {table} GROUP BY content_high, content_low)"  # noqa: S608
    (repeats,) = _row(database, count)
    return int(repeats)


def _row(database: Any, sql: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] = database.execute(sql).fetchone()
    return row


def chosen_sql(params: Params) -> str:
    """The candidates that are selected. Every order ends in the id, so that there are no ties."""
    sql = _EVERY
    if params.selection.dedup == "exact":
        sql += f" QUALIFY row_number() OVER (PARTITION BY content_high, content_low ORDER BY {_ORDER}) = 1"
    order = {
        "latest": "created_us DESC, id_high DESC, id_low DESC",
        "random": "random, id_high, id_low",
    }.get(params.selection.strategy)
    if params.selection.limit is not None and order:
        sql = f"SELECT * FROM ({sql}) ORDER BY {order} LIMIT {params.selection.limit:d}"  # noqa: S608 - no user's text
    return sql


def require_keys(params: Params, fates: Fates) -> None:
    """Refuse a filter or a group by a key that no trace has: it is a slip, and would select or group nothing.

    Raises:
        TracesError: there is one.
    """
    known = one_line(", ".join(sorted(fates.keys)), 400)
    for key in params.split.group_by:
        if key not in fates.keys:
            raise TracesError(
                f"params.yaml: split.group_by: no trace has the metadata key {key}; take it out; there are {known}"
            )
    for key in compile_filters(params.filters):
        if key not in fates.keys:
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
        went = ", ".join(f"{fates.counts[fate]} {fate}" for fate in ("filtered", "excluded", "rejected"))
        raise TracesError(f"no trace is left of {fates.counts['valid']}: {went}; loosen `filters` in params.yaml")


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


def tally(fates: Fates, counts: Counter[str], dedup: str) -> dict[str, Any]:
    """counts.json. Every valid trace has one fate; `duplicates` counts repeats among the selected."""
    dropped = counts["repeats"] if dedup == "exact" else 0
    candidates = fates.counts["candidates"]
    return {
        "valid": fates.counts["valid"],
        "filtered": fates.counts["filtered"],
        "excluded": fates.counts["excluded"],
        "rejected": fates.counts["rejected"],
        "deduplicated": dropped,
        "over_limit": candidates - dropped - counts["selected"],
        "selected": counts["selected"],
        "duplicates": counts["duplicates"],
        "splits": {name: counts[name] for name in SPLITS},
    }


if __name__ == "__main__":
    run_stage("select", work)
