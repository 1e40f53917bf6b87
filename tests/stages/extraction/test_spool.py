"""Rows on their way to a worker: a file a partition, read back as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.extraction.spool import BATCH_ROWS, spool_partitions
from tests.support.samples import trace_id
from traces import batches
from traces.partitions import Row, fingerprint

PAYLOADS = (b"\xff", "é".encode(), None)
ROWS = [
    Row(trace_id(n), None if n == 0 else n, None if n == 1 else "1.0", PAYLOADS[n % 3]) for n in range(3 * BATCH_ROWS)
]


def test_each_file_holds_one_partition_of_the_pin(tmp_path: Path) -> None:
    for size in (64, 10**9):
        found = [list(source.rows()) for source in spool_partitions(iter(ROWS), size, tmp_path)]
        assert [row for rows in found for row in rows] == ROWS
        assert [len(rows) for rows in found] == [partition.rows for partition in fingerprint(ROWS, size)]
        assert list(tmp_path.iterdir()) == []  # read once


def test_large_rows_are_spooled_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Row(trace_id(n), n, "1.0", b"x" * 1000) for n in range(50)]
    monkeypatch.setattr(batches, "BATCH_BYTES", 3000)
    (few,) = spool_partitions(iter(rows), 10**9, tmp_path)
    with few.path.open("rb") as file:
        assert 3000 < int.from_bytes(file.read(8), "big") < 4000
    assert list(few.rows()) == rows


def test_without_rows_there_is_no_file(tmp_path: Path) -> None:
    assert list(spool_partitions(iter([]), 64, tmp_path)) == []
    assert list(tmp_path.iterdir()) == []
