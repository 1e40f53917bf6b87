"""Which candidates are near duplicates: of traces with alike prompts and equal answers the preferred one stays.

In order of preference, a trace goes where one that stays is near it. So each that goes has one near it that stays: a
chain of small differences never drags along what is far from its beginning. Only traces that meet in a band are
compared, and there only with its first `LEADERS`: the work grows with the number of traces, not with its square.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.runtime.database import open_database
from stages.selection.sketches import HASHES, PROMPT_WORDS, band_names

LEADERS = 64
FETCHED_ROWS = 65_536
THREADS = 2  # on any machine: each has buffers of its own for rows this wide
# Traces with the same sketch are near the same ones: the first of these copies is compared for all.
_NUMBERED = """
    CREATE TABLE numbered AS SELECT part, place, row_number() OVER (ORDER BY {order}) - 1 AS n,
        row_number() OVER (PARTITION BY whole ORDER BY {order}) AS copy
    FROM candidates WHERE candidate
"""
_COPIES = "SELECT n FROM numbered WHERE copy > 1"
_SKETCHES = "SELECT n, {columns} FROM candidates JOIN numbered USING (part, place) WHERE copy = 1"
_MET = """
    CREATE OR REPLACE TABLE met AS SELECT n, {band} AS band FROM sketches
    WHERE {band} IN (SELECT {band} FROM sketches GROUP BY {band} HAVING count(*) > 1)
"""
# Those that are near the band's first would tell little that it does not.
_LEADERS = """
    CREATE OR REPLACE TABLE leaders AS
    WITH ranked AS (
        SELECT n, band, row_number() OVER (PARTITION BY band ORDER BY n) AS rank FROM met QUALIFY rank <= {leaders}),
    drawn AS (SELECT band, rank, sketches.n, {words} FROM ranked JOIN sketches USING (n))
    SELECT other.* FROM drawn AS other JOIN drawn AS one ON one.band = other.band AND one.rank = 1
    WHERE other.rank = 1 OR NOT ({near})
"""
_PAIRS = """
    SELECT one.n AS earlier, other.n AS later FROM leaders AS one
    JOIN sketches AS other ON one.band = other.{band} AND one.n < other.n WHERE {near}
"""
_ROW_GROUP = 8192  # small, since each thread holds one of every column


def drop_near(candidates: Path, gone: Path, order: str, threshold: float) -> int:
    """Write to the Parquet file `gone` the part and place of every candidate that goes, and return their count.

    `candidates` is a folder of Parquet with `candidate`, `part`, `place`, the columns of
    `stages.selection.sketches`, and those that `order` names, by which there are no ties. Memory
    holds a byte a candidate.
    """
    scratch = gone.parent / "near"
    scratch.mkdir()
    bands, words = band_names(threshold), ["exact", *PROMPT_WORDS]
    near = near_sql(threshold)
    with open_database(scratch, THREADS, ordered=False) as database:
        database.read_parquet(str(candidates / "*.parquet")).create_view("candidates")
        database.execute(_NUMBERED.format(order=order))
        sketches = database.sql(_SKETCHES.format(columns=", ".join([*words, *bands])))
        sketches.write_parquet(str(scratch / "sketches.parquet"), row_group_size=_ROW_GROUP)
        database.read_parquet(str(scratch / "sketches.parquet")).create_view("sketches")
        for band in bands:
            database.execute(_MET.format(band=band))
            database.execute(_LEADERS.format(leaders=LEADERS, words=", ".join(words), near=near))
            pairs = database.sql(_PAIRS.format(band=band, near=near))
            pairs.write_parquet(str(scratch / f"pairs_{band}.parquet"), row_group_size=_ROW_GROUP)
        numbers = np.flatnonzero(~_staying(database, scratch))
        database.register("gone", pa.table({"n": pa.array(numbers)}))
        database.sql("SELECT part, place FROM numbered JOIN gone USING (n)").write_parquet(str(gone))
    return len(numbers)


def near_sql(threshold: float) -> str:
    """Whether the prompts of `one` and `other` are alike, by the bits in which they differ, and the rest is equal."""
    # Of what is not alike half of the bits agree. Rounded first: (1 - 0.75) * 128 may come out just under 32.
    most = int(round((1 - threshold) * HASHES / 2, 6))
    bits = " + ".join(f"bit_count(xor(one.{word}, other.{word}))::INTEGER" for word in PROMPT_WORDS)
    return f"one.exact = other.exact AND {bits} <= {most}"


def _staying(database: Any, pairs: Path) -> npt.NDArray[np.bool_]:
    """Whether each candidate stays, by its number."""
    ((count,),) = database.execute("SELECT count(*) FROM numbered").fetchall()
    stays = bytearray(b"\1") * count
    for batch in database.sql(_COPIES).to_arrow_reader(FETCHED_ROWS):
        for copy in batch.column(0).to_pylist():
            stays[copy] = 0
    near = database.read_parquet(str(pairs / "pairs_*.parquet")).order("later, earlier")
    for batch in near.to_arrow_reader(FETCHED_ROWS):
        for earlier, later in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if stays[earlier]:
                stays[later] = 0
    return np.frombuffer(stays, np.bool_)
