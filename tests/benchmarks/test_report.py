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
from benchmarks.parts.full import CONTENDERS, Full
from benchmarks.parts.incremental import Incremental
from benchmarks.parts.scaling import Scaling
from benchmarks.parts.versions import Versions
from benchmarks.report import write_page
from benchmarks.results import Results
from benchmarks.targets import targets
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
    software={"Python": "3.11"},
    full=Full(
        9_999,
        BUILT,
        dict.fromkeys(STAGES, replace(TOOK, wall=8, cpu=13, written=200 * MB)),
        replace(TOOK, cpu=40),
        dict.fromkeys(CONTENDERS.values(), replace(TOOK, wall=240, cpu=250)),
        FLOOR,
    ),
    formats=Formats(TOOK, replace(TOOK, cpu=151), {"trace": Files(3, 5 * MB, 700)}),
    scaling=Scaling(TOOK, replace(TOOK, peak=350 * MB), replace(TOOK, cpu=19), TINY),
    everyday=Everyday(TOOK, TOOK, TOOK),
    incremental=Incremental(10_000, 100, TINY, TINY, 101.0, 471, 30 * MB, 500 * MB, 14 * MB),
    versions=Versions(TINY, TINY),
)


def page_of(results: Results, folder: Path) -> str:
    write_page(results, folder / "page.md")
    return (folder / "page.md").read_text()


def test_the_page_says_what_was_measured(tmp_path: Path) -> None:
    page = page_of(RESULTS, tmp_path)
    assert "`BENCH_ROWS=10000 make bench`" in page
    assert "| the plain script | 240 (4.00x) | 250 (2.50x) |" in page
    assert "| select | 8.00 | 13.0 |" in page
    assert "| validate, without the memo | 60.0 | 40.0 |" in page
    assert "| rows that the server read for the build | 471 |" in page
    assert "| both, CPU to that of the first build | 19.8% |" in page
    assert "| that, to all that the first build held | 6.0% |" in page
    assert "$" not in page


def test_the_floor_is_reading_copying_and_hashing() -> None:
    assert FLOOR.wall == pytest.approx(2 + 9 * 0.1 + 5 * 0.2 / 2)
    assert FLOOR.cpu == pytest.approx(1 + 9 * 0.05 + 5 * 0.2)


def test_what_the_stages_leave_of_the_build_is_a_row_where_there_is_some(tmp_path: Path) -> None:
    # 60 s of which seven stages take 56, 100 CPU seconds of which they take 91, and more written than by the build.
    assert "| the rest: DVC itself | 4.00 | 9.00 |  |  |  |  |" in page_of(RESULTS, tmp_path)
    assert RESULTS.full is not None
    slow = replace(RESULTS.full, stages=dict.fromkeys(STAGES, TOOK))
    assert "the rest" not in page_of(replace(RESULTS, full=slow), tmp_path)


def test_a_target_is_a_bound_from_above_or_below(tmp_path: Path) -> None:
    page = page_of(RESULTS, tmp_path)
    assert "| wall of Hugging Face's way to that of the build | at least 4x | 4.00x | holds |" in page
    assert "| CPU of Hugging Face's way to that of the build | at least 5x | 2.50x | missed |" in page
    assert "| wall of the build to the floor | at most 4x | 17.6x | missed |" in page
    assert "| smallest shard of train | at least 1 MB | 5.00 MB | holds |" in page
    assert "| rows read to build 1% new traces, to those there were | at most 3% | 4.71% | missed |" in page
    assert "| CPU to pin and build 1% new traces, to that of the first pin and build | at most 25% | 19.8% |" in page
    # 3% of 500 MB, and a shard of 14.
    assert "of what the first build held, and a shard | at most 29 MB | 30.0 MB | missed |" in page


def test_a_target_holds_is_missed_or_cannot_be_told() -> None:
    scaling = Results("", 10_000, {}, {}, scaling=RESULTS.scaling, formats=RESULTS.formats)
    grown, peak, cpu, both, files, smallest = targets(scaling)
    assert (both.verdict, both.measured) == ("missed", 1.51)
    assert {one.verdict for one in (grown, peak, files, smallest)} == {"holds"}
    assert (cpu.verdict, cpu.measured) == ("holds", 1.0)
    few = replace(scaling, formats=None, scaling=Scaling(TOOK, TOOK, replace(TOOK, cpu=10.1), TINY))
    *_, cpu = targets(few)
    assert (cpu.verdict, cpu.measured) == ("too few traces to tell", None)


def test_the_command_shows_examples_and_refuses_too_few_traces() -> None:
    shown = run(ROOT, sys.executable, "-m", "benchmarks", "--help")
    assert "BENCH_ROWS=20000 make bench" in shown.out
    assert "--only full --only everyday" in shown.out
    assert "5000" in run(ROOT, sys.executable, "-m", "benchmarks", code=2, BENCH_ROWS="17").text
    assert (
        "two sizes or more" in run(ROOT, sys.executable, "-m", "benchmarks", "scale", code=2, BENCH_SIZES="9000").text
    )
