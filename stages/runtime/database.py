"""DuckDB for one stage's work: bounded memory, and beyond it files in the stage's own scratch folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stages.runtime.executor import worker_count

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Far above what narrow rows need.
MEMORY = "256MB"
MAX_THREADS = 8  # each has buffers of its own, for which that memory has no room without end


@contextmanager
def open_database(scratch: Path, threads: int | None = None, *, ordered: bool = True) -> Iterator[DuckDBPyConnection]:
    """An empty database in memory that goes on in files in `scratch`.

    `threads` are as many as cores by default, `MAX_THREADS` at most. Not `ordered`, rows may come in any order where
    none is asked for, and less is held.
    """
    import duckdb  # after the workers have started: they need none of it

    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY,
        "threads": threads or min(worker_count(), MAX_THREADS),
        "preserve_insertion_order": ordered,
    }
    with duckdb.connect(config=settings) as database:
        # DuckDB's own bar goes to standard output after two seconds, terminal or not.
        database.execute("SET enable_progress_bar = false")
        database.execute("SET temp_directory = $folder", {"folder": str(scratch / "duckdb")})
        yield database
