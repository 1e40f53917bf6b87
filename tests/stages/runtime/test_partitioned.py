"""Parquet partitions: rows in, the same rows out, equal bytes for equal rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stages.runtime.partitioned import (
    CHUNK_ROWS,
    SELECTION_SCHEMA,
    TRACES_SCHEMA,
    read_chunks,
    read_rows,
    write_partition,
)
from traces import batches
from traces.errors import TracesError

ROW = ("id", 1, "1.0", "?", [(0, "think", "a"), (1, "think", "b")], "!", "{}", "00", None, 1, 2)


def test_rows_come_back_steps_as_their_contents(tmp_path: Path) -> None:
    rows = [ROW, ("id2", 2, "1.0", "?", [(5, "t", "c")], "!", "null", "01", "02", 1, 2)] * CHUNK_ROWS
    assert write_partition(tmp_path / "a.parquet", TRACES_SCHEMA, iter(rows)) == len(rows)
    found = list(read_rows(tmp_path / "a.parquet", ["steps", "id", "created_us"]))
    assert found == [(["a", "b"], "id", 1), (["c"], "id2", 2)] * CHUNK_ROWS


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_partition(tmp_path / name, SELECTION_SCHEMA, (("id", "train") for _ in range(3 * CHUNK_ROWS + 1)))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_large_rows_are_written_and_read_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_BYTES", 1000)
    path = tmp_path / "a.parquet"
    step = (0, "think", "é" * 200)
    write_partition(path, TRACES_SCHEMA, [(*ROW[:4], [step], *ROW[5:])] * 7)  # of 400 bytes and a few
    assert [batch.num_rows for batch in read_chunks(path, ["id", "steps"])] == [3, 3, 1]
    assert pq.ParquetFile(path).num_row_groups == 3
    assert len(list(read_rows(path, ["steps"]))) == 7


def test_without_rows_there_is_no_file_and_no_file_has_no_rows(tmp_path: Path) -> None:
    assert write_partition(tmp_path / "a", SELECTION_SCHEMA, []) == 0
    assert list(tmp_path.iterdir()) == []
    assert list(read_rows(tmp_path / "a", ["id"])) == []


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(TracesError, match=r"a\.parquet: damaged \(.*\); `dvc repro` makes it anew"):
        list(read_rows(tmp_path / "a.parquet", ["id"]))
