"""The page is made of what was measured; a missed target is said, and is no error."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.bench import Built
from benchmarks.floor import Floor, Took
from benchmarks.measure import Measurement
from benchmarks.ours import STAGES, Workspace
from benchmarks.parts.everyday import Everyday
from benchmarks.parts.formats import Files, Formats
from benchmarks.parts.full import Full
from benchmarks.parts.incremental import Incremental
from benchmarks.parts.scaling import Scaling
from benchmarks.report import write_page
from benchmarks.results import Results, targets
from tests.support.shell import ROOT, run

MB = 10**6
TOOK = Measurement(wall=60, cpu=100, server_cpu=4, peak=400 * MB, anonymous=300 * MB, written=900 * MB)
TINY = replace(TOOK, cpu=10)
FLOOR = Floor(
    sample=100 * MB,
    copying=Took(0.1, 0.05),
    hashing=Took(0.2, 0.2),
    reading=Took(2, 1),
    written=900 * MB,
    hashed=500 * MB,
)
BUILT = Built(Workspace(Path("nowhere"), {}, 1), replace(TOOK, wall=2, cpu=1), TOOK)
RESULTS = Results(
    command="BENCH_ROWS=10000 make bench",
    rows=10_000,
    machine={"CPU": "a processor", "cores": "2"},
    versions={"Python": "3.11"},
    full=Full(9_999, BUILT, dict.fromkeys(STAGES, replace(TOOK, cpu=15)), {"the other": replace(TOOK, cpu=250)}, FLOOR),
    formats=Formats(TOOK, replace(TOOK, cpu=151), {"trace": Files(3, 5 * MB, 700)}),
    scaling=Scaling(TOOK, replace(TOOK, peak=350 * MB), replace(TOOK, cpu=19), TINY),
    everyday=Everyday(TOOK, TOOK, TOOK),
    incremental=Incremental(100, TINY, TINY, 101.0, 4711, 30 * MB, 500 * MB),
)


def test_the_page_says_what_was_measured(tmp_path: Path) -> None:
    write_page(RESULTS, tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text()
    assert "`BENCH_ROWS=10000 make bench`" in page
    assert "| the other | 60.0 (1.00x) | 250 (2.50x) |" in page
    assert "| select | 60.0 | 15.0 |" in page
    assert "| rows that the server read for the build | 4,711 |" in page
    assert "| both, CPU to that of the first build | 19.8% |" in page
    assert "| that, to all that the first build held | 6.0% |" in page
    assert "$" not in page


def test_the_floor_is_reading_copying_and_hashing() -> None:
    assert FLOOR.wall == pytest.approx(2 + 9 * 0.1 + 5 * 0.2 / 2)
    assert FLOOR.cpu == pytest.approx(1 + 9 * 0.05 + 5 * 0.2)


def test_a_target_holds_is_missed_or_cannot_be_told() -> None:
    both, grown, peak, cpu = targets(RESULTS)
    assert (both.verdict, both.measured) == ("missed", 1.51)
    assert (grown.verdict, peak.verdict) == ("holds", "holds")
    assert (cpu.verdict, cpu.measured) == ("holds", 1.0)
    few = replace(RESULTS, formats=None, scaling=Scaling(TOOK, TOOK, replace(TOOK, cpu=10.1), TINY))
    *_, cpu = targets(few)
    assert (cpu.verdict, cpu.measured) == ("too few traces to tell", None)


def test_the_command_shows_examples_and_refuses_too_few_traces() -> None:
    shown = run(ROOT, sys.executable, "-m", "benchmarks", "--help")
    assert "BENCH_ROWS=20000 make bench" in shown.out
    assert "--only full --only everyday" in shown.out
    assert "5000" in run(ROOT, sys.executable, "-m", "benchmarks", code=2, BENCH_ROWS="17").text
