"""Cost follows the change: new traces touch the partitions and shards that hold them, and no others."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

from tests.support.samples import stored, trace_id, write_sqlite
from tests.support.shell import run
from traces.ids import normalise_id
from traces.partitions import starts_partition

PARTITION_ROWS = 32
ROWS = 1000
FOLDERS = ("data/traces", "data/selection", "data/rendered", "data/export/trace", "data/export/tunix_sft")


def files(repository: Path) -> dict[str, str]:
    """Every file that would be pushed, by its hash; the counts beside the selection aside."""
    return {
        path.relative_to(repository).as_posix(): hashlib.md5(path.read_bytes()).hexdigest()
        for folder in FOLDERS
        for path in (repository / folder).iterdir()
        if path.suffix != ".json"
    }


def changed(before: dict[str, str], after: dict[str, str], folder: str) -> set[str]:
    """The files of a folder whose bytes were not there before, in it or under another name."""
    old = set(before.values())
    return {path for path, digest in after.items() if path.startswith(f"{folder}/") and digest not in old}


def repro(repository: Path, url: str) -> dict[str, str]:
    run(repository, "traces", "pin", TRACES_DATABASE_URL=url)
    run(repository, "dvc", "repro", "validate", TRACES_DATABASE_URL=url)
    return files(repository)


def partition_of(number: int, rows: list[int]) -> int:
    """The number of the partition that holds a row, counted along the rows in order."""
    order = rows[: rows.index(number) + 1]
    return sum(starts_partition(trace_id(n), PARTITION_ROWS) for n in order[1:])


def test_only_the_partitions_and_shards_that_hold_a_change_are_written_anew(repository: Path, tmp_path: Path) -> None:
    params = repository / "params.yaml"
    params.write_text(params.read_text().replace("partition_rows: 20480", f"partition_rows: {PARTITION_ROWS}"))
    # Row 400 comes late: its time is between those of 399 and 401. Neither it nor 700 begins a partition.
    assert not any(starts_partition(normalise_id(trace_id(n)), PARTITION_ROWS) for n in (400, 700))
    kept = [n for n in range(ROWS) if n != 400]
    url = write_sqlite(tmp_path / "store.db", (stored(n) for n in kept))
    before = repro(repository, url)
    partitions = sum(path.startswith("data/traces/") for path in before)
    assert partitions > 20

    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("DELETE FROM traces WHERE id = ?", [trace_id(700).replace("-", "")])
    connection.close()
    new = range(ROWS, ROWS + 10)
    write_sqlite(tmp_path / "store.db", (stored(n) for n in (400, *new)))
    after = repro(repository, url)

    rows = [n for n in range(ROWS + 10) if n != 700]
    held = {partition_of(400, rows), partition_of(699, rows), *(partition_of(n, rows) for n in (ROWS - 1, *new))}
    for folder in ("data/traces", "data/selection", "data/rendered"):
        assert len(changed(before, after, folder)) == len(held), folder
    for folder in ("data/export/trace", "data/export/tunix_sft"):
        # A trace is in one split: of a partition's three shards, only those that a change falls into.
        shards = changed(before, after, folder)
        names = {path.rpartition("-20")[2] for path in shards}
        assert len(names) <= len(held) <= len(shards) <= 12 < partitions, folder
    unchanged = sum(before.get(path) == digest for path, digest in after.items())
    assert unchanged >= 0.85 * len(before)
