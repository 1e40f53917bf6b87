"""`python -m benchmarks --against REV` builds two commits in turns and compares what they took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.bench import Bench
from benchmarks.measure import Measurement, server_process
from benchmarks.parts import against
from benchmarks.parts.against import COPIES, THIS, Against
from commands.repository import git
from tests.support.shell import ROOT, run

NOTHING = Measurement(wall=0, cpu=0, server_cpu=0, peak=0, anonymous=0, written=0)


def took(*cpu: float) -> list[Measurement]:
    return [replace(NOTHING, cpu=seconds) for seconds in cpu]


def test_the_lowest_builds_are_compared_and_the_copies_counted_apart() -> None:
    (table,) = against.tables(Against("HEAD~1", took(12, 10, 11), took(13, 12.5, 12), took(2, 1, 1)))
    assert table.rows == [
        ["HEAD~1", "12.0", "10.0", "11.0", "10.0", ""],
        [THIS, "13.0", "12.5", "12.0", "12.0", "+20.0%"],
        [COPIES, "2.00", "1.00", "1.00", "1.00", ""],
        [f"{THIS}, without writing its Parquet copies", "11.0", "11.5", "11.0", "11.0", "+10.0%"],
    ]


@pytest.mark.soak
def test_each_commit_is_built_from_a_fresh_clone(database: Callable[[str], str], tmp_path: Path) -> None:
    url = database("")
    bench = Bench(tmp_path, 300, url, server_process(url))
    found = against.run(bench, "HEAD", pairs=1)
    (theirs,), (ours,), (copies,) = found.theirs, found.ours, found.copies
    assert 0 < copies.cpu < ours.cpu < 3 * theirs.cpu
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]


def test_a_revision_is_looked_up_before_anything_is_measured() -> None:
    assert against.commit_of("HEAD") == git("rev-parse", "HEAD", folder=ROOT).strip()
    done = run(ROOT, "python", "-m", "benchmarks", "--against", "nosuch", code=2)
    assert "--against" in done.err
    assert "Needed a single revision" in done.err


@pytest.mark.parametrize("name", ["--output=x", "HEAD:README.md"])
def test_a_name_that_is_no_commit_is_refused(name: str) -> None:
    done = run(ROOT, "python", "-m", "benchmarks", "--against", name, code=2)
    assert "fatal:" in done.err
