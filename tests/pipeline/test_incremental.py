"""Cost follows the change: new traces touch the partitions and shards that hold them, and no others."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.parts.incremental import rows_read
from tests.support.samples import row, stored, trace_id, write_jsonl, write_sqlite
from tests.support.shell import forget_code, run
from traces.partitions import Cut

PARTITION_ROWS = 32
ROWS = 1000
FOLDERS = (
    "data/traces",
    "data/selection",
    "data/rendered",
    "data/trace_ids",
    "data/export/trace",
    "data/export/tunix_sft",
)


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


def cut(rows: list[int]) -> set[tuple[int, ...]]:
    """The partitions of some rows, in order, as the rows that they hold."""
    rule, partitions = Cut(PARTITION_ROWS), [[rows[0]]]
    for number in rows[1:]:
        if rule.begins(trace_id(number), len(partitions[-1])):
            partitions.append([])
        partitions[-1].append(number)
    return set(map(tuple, partitions))


def smaller_partitions(repository: Path) -> None:
    forget_code(repository)
    params = repository / "params.yaml"
    params.write_text(params.read_text().replace("partition_rows: 20480", f"partition_rows: {PARTITION_ROWS}"))


@pytest.mark.soak
def test_only_the_partitions_and_shards_that_hold_a_change_are_written_anew(repository: Path, tmp_path: Path) -> None:
    smaller_partitions(repository)
    # Row 400 comes late: its time is between those of 399 and 401.
    kept = [n for n in range(ROWS) if n != 400]
    url = write_sqlite(tmp_path / "store.db", (stored(n) for n in kept))
    before = repro(repository, url)
    partitions = sum(path.startswith("data/traces/") for path in before)
    assert partitions == len(cut(kept)) > 20

    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("DELETE FROM traces WHERE id = ?", [trace_id(700).replace("-", "")])
    connection.close()
    new = range(ROWS, ROWS + 10)
    write_sqlite(tmp_path / "store.db", (stored(n) for n in (400, *new)))
    after = repro(repository, url)

    held = cut([n for n in range(ROWS + 10) if n != 700]) - cut(kept)
    assert len(held) < partitions / 3
    for folder in ("data/traces", "data/selection", "data/rendered", "data/trace_ids"):
        assert len(changed(before, after, folder)) == len(held), folder
    for folder in ("data/export/trace", "data/export/tunix_sft"):
        # A trace is in one split: of a partition's three shards, only those that a change falls into.
        names = {path.rpartition("-20")[2] for path in changed(before, after, folder)}
        assert len(names) <= len(held), folder


def test_what_takes_one_trace_out_changes_only_the_shards_that_held_it(repository: Path, tmp_path: Path) -> None:
    smaller_partitions(repository)
    url = write_sqlite(tmp_path / "store.db", (stored(n) for n in range(ROWS)))
    before = repro(repository, url)
    with (repository / "data/exclusions.csv").open("a") as file:
        file.write(f"{trace_id(300)},asked for,2026-11-20\n")
    excluded = repro(repository, url)
    for folder in ("data/selection", "data/rendered", "data/export/trace", "data/export/tunix_sft", "data/trace_ids"):
        assert len(changed(before, excluded, folder)) == 1, folder
    assert changed(before, excluded, "data/traces") == set()

    meta = {"source": "mine", "game": "sums", "seed": 1, "episode_index": 600}
    with sqlite3.connect(tmp_path / "store.db") as connection:
        row = stored(600, meta=meta)
        connection.execute("UPDATE traces SET payload = ? WHERE id = ?", [row[3], row[0]])
    connection.close()
    filtered = repro(repository, url)
    for folder in FOLDERS:
        assert len(changed(excluded, filtered, folder)) == 1, folder


def test_after_new_traces_only_the_last_partition_is_read_from_postgresql(
    repository: Path, tmp_path: Path, database: Callable[[str], str]
) -> None:
    smaller_partitions(repository)
    url = database("json")
    settings = {"TRACES_DATABASE_URL": url, "TRACES_MEMO": "on"}

    def add(numbers: range) -> None:
        lines = write_jsonl(tmp_path / f"{numbers.start}.jsonl", map(row, numbers))
        run(repository, "traces", "ingest", str(lines), **settings)
        run(repository, "traces", "pin", "--settle", "0", **settings)

    add(range(ROWS))
    run(repository, "dvc", "repro", "validate", **settings)
    add(range(ROWS, ROWS + 10))
    read = rows_read(url)
    run(repository, "dvc", "repro", "validate", **settings)
    read = rows_read(url) - read
    (*_, last) = sorted(cut(list(range(ROWS))))
    assert 10 <= read <= len(last) + 10 < ROWS / 10

    # A memo changes nothing of what is made.
    remembered = files(repository)
    run(repository, "dvc", "repro", "-f", "validate", **settings | {"TRACES_MEMO": "off"})
    assert files(repository) == remembered
    assert run(repository, "dvc", "status", "--quiet", "validate").code == 0
