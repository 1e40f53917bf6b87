"""The choice among all candidates: duplicates, strategy and limit as SQL, and the selection written by partition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from stages.params.models import Params
from stages.paths import SPLITS, TRACES
from stages.runtime.database import open_database
from stages.runtime.keys import id_text
from stages.runtime.partitioned import CHUNK_ROWS, SELECTION_SCHEMA, batch_of, partition_path, write_batches
from stages.selection.candidates import CANDIDATE_SCHEMA
from stages.selection.near_duplicates import drop_near
from stages.selection.strata import count_strata
from stages.selection.strategies import EVERY, ORDER, chosen_sql, create_quotas, firsts_sql, preferred
from traces.errors import TracesError

IntArray = npt.NDArray[np.int64]

FETCHED_ROWS = 65_536
_KEPT = "part, place, split, content_high, content_low, prompt, grouped, stratum"
_LARGE = 0.2  # of the selected traces: a group of so many moves the splits' sizes far from what was asked for


class Choice(NamedTuple):
    """Counts, counts by stratum, and the largest group with its traces, if it is large."""

    counts: Counter[str]
    strata: dict[str, int]
    large: LargeGroup | None


class LargeGroup(NamedTuple):
    """A group that moves the sizes of splits: how many of the selected traces it has, and the id of the first."""

    traces: int
    first: str


def choose(candidates: Path, names: list[str], selection: Path, params: Params) -> Choice:
    """Apply duplicates, strategy and limit, and write the selection by partition."""
    asked = params.selection
    counts: Counter[str] = Counter()
    gone = candidates.parent / "gone.parquet"
    if asked.dedup == "near":
        counts["deduplicated"] = drop_near(candidates, gone, preferred(asked), asked.near_threshold)
    with open_database(candidates.parent, ordered=False) as database:  # each order is asked for
        database.read_parquet(str(candidates / "*.parquet")).create_view("traces")
        # Of all traces, selected or not: a trace is found again by its id.
        twice = "SELECT id_high, id_low FROM traces GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
        for found in database.execute(twice).fetchall():
            raise TracesError(f"id {id_text(*found)} stands on two rows of the store; remove one of them and pin again")
        columns = ", ".join(CANDIDATE_SCHEMA.names[1:])
        database.execute(f"CREATE VIEW candidates AS SELECT {columns} FROM traces WHERE candidate")  # noqa: S608 - ours
        if asked.dedup == "near":
            database.read_parquet(str(gone)).create_view("gone")
        if asked.dedup == "exact":
            counts["deduplicated"] = _repeats(database, "candidates")
            database.execute(f"CREATE TABLE firsts AS {firsts_sql(asked)}")
        create_quotas(database, asked)
        sql = chosen_sql(asked)
        # What is every candidate need not be held a second time.
        database.execute(f"CREATE {'VIEW' if sql == EVERY else 'TABLE'} chosen AS SELECT {_KEPT} FROM ({sql})")  # noqa: S608 - ours
        counts["duplicates"] = _repeats(database, "chosen")
        counts["held_out_prompts"], counts["leaked_prompts"] = _held_out(database)
        result = database.sql(f"SELECT part, place, split FROM chosen ORDER BY {ORDER}")  # noqa: S608 - no user's text
        for number, places, splits in _by_partition(result):
            for split, count in zip(SPLITS, np.bincount(splits, minlength=len(SPLITS)), strict=True):
                counts[split] += int(count)
            _write_selection(names[number], places, splits, selection)
        counts["selected"] = sum(counts[split] for split in SPLITS)
        strata = count_strata(database, asked.stratify, counts["selected"]) if asked.stratify.by else {}
        return Choice(counts, strata, _large_group(database, counts["selected"], names))


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


def _large_group(database: Any, selected: int, names: list[str]) -> LargeGroup | None:
    sql = """
        SELECT count(*), min(ROW(part, place)) FROM chosen GROUP BY grouped HAVING count(*) > 1
        ORDER BY ALL DESC LIMIT 1
    """
    count, first = database.execute(sql).fetchone() or (0, None)
    if count <= _LARGE * selected:
        return None
    part, place = first.values() if isinstance(first, dict) else first
    ids = pq.read_table(partition_path(TRACES, names[part]), columns=["id"]).column("id")
    return LargeGroup(count, ids[place].as_py())


def _held_out(database: Any) -> tuple[int, int]:
    """How many distinct prompts are outside of train, and how many of them train has, too."""
    sql = """
        SELECT count(*), count(*) FILTER (in_train) FROM (
            SELECT bool_or(split = 0) AS in_train FROM chosen GROUP BY prompt HAVING bool_or(split > 0))
    """
    ((held_out, leaked),) = database.execute(sql).fetchall()
    return held_out, leaked


def _repeats(database: Any, table: str) -> int:
    """How many rows have the content of another one, the first of each apart."""
    count = f"SELECT sum(n) - count(*) FROM (SELECT count(*) AS n FROM {table} GROUP BY content_high, content_low)"  # noqa: S608
    ((repeats,),) = database.execute(count).fetchall()
    return int(repeats)
