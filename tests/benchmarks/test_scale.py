"""What a billion traces would take follows from what was measured, and stands on a page with its plot."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.measure import Measurement
from benchmarks.ours import STAGES
from benchmarks.parts.scale import Left, Scale, Sized, Timed, left_by
from benchmarks.report import SCALE_PAGE, write_scale
from benchmarks.sizing import DVC, PIN, Share, limits, parted, partition_seconds, shares, total
from stages.runtime.memo import enabled

MB = 10**6
GB = 10**9
START = Measurement(wall=1, cpu=1, server_cpu=0, peak=200 * MB, anonymous=100 * MB, written=MB)
LEFT = Left(partitions=5, objects=50, stored=150 * MB, listing=2000, memo=200 * MB, disk=500 * MB)
FEW = Sized(100_000, 140 * MB, 10 * MB, replace(START, wall=2), replace(START, wall=11, written=400 * MB), START, LEFT)
MANY = Sized(
    1_000_000,
    1_400 * MB,
    100 * MB,
    replace(START, wall=11),
    replace(START, wall=40, peak=400 * MB, written=4000 * MB),
    START,
    Left(50, 500, 1500 * MB, 20_000, 2000 * MB, 5000 * MB),
)
SMALL = replace(FEW, build=replace(START, wall=21), left=replace(LEFT, partitions=1_005))
SMALLEST = replace(
    FEW,
    build=replace(START, wall=51, peak=240 * MB),
    unchanged=replace(START, wall=5),
    left=replace(LEFT, partitions=3_005),
)
# Of six stages all is done by one process; `extract_traces` takes 8 s of one, and 12 of all workers together.
ONE = {name: replace(START, wall=3) for name in STAGES} | {"extract_traces": replace(START, wall=21)}
TWO = ONE | {"extract_traces": replace(START, wall=15)}
SCALE = Scale(
    sizes=[FEW, MANY],
    small=[SMALL, SMALLEST],
    start={count: Timed(replace(START, wall=9), dict.fromkeys(STAGES, START)) for count in (1, 2)},
    whole={1: Timed(replace(START, wall=49), ONE), 2: Timed(replace(START, wall=43), TWO)},
)


@pytest.mark.parametrize(
    ("one", "two", "share"),
    [
        (20.0, 14.0, Share(8, 12)),
        (20.0, 10.0, Share(0, 20)),
        (20.0, 9.0, Share(0, 20)),  # more than twice as fast is noise
        (20.0, 21.0, Share(20, 0)),  # and so is slower
    ],
)
def test_two_builds_tell_what_workers_share(one: float, two: float, share: Share) -> None:
    assert parted(one, two) == share


def test_a_step_s_cost_is_without_its_start_up() -> None:
    held = shares(SCALE)
    assert list(held) == [PIN, *STAGES, DVC]
    assert held["extract_traces"] == Share(pytest.approx(8e-6), pytest.approx(12e-6))
    assert held["select"] == Share(pytest.approx(2e-6), 0)
    assert held[PIN].alone == pytest.approx(9 / 900_000)
    # 43 s less 33 of stages, in a start 9 less 7.
    assert held[DVC] == Share(pytest.approx(8e-6), 0)
    assert total(held, 10**6, 1) == pytest.approx(20 + 6 * 2 + 10 + 8)
    assert total(held, 10**6, 12) == pytest.approx(8 + 1 + 6 * 2 + 10 + 8)


def test_what_gives_out_stands_in_the_order_of_the_traces() -> None:
    found = limits(SCALE)
    assert [limit.rows for limit in found] == sorted(limit.rows for limit in found)
    assert found[0].rows == pytest.approx(5_000_000)  # 10 GB of 2 KB
    assert "memo" in found[0].what
    assert {round(limit.rows / 1e6) for limit in found} >= {200, 360, 450, 1800}


def test_a_partition_s_cost_is_what_more_of_them_take() -> None:
    assert partition_seconds(SCALE) == [pytest.approx(0.01), pytest.approx(0.04 / 3)]


def write(folder: Path) -> tuple[str, str]:
    page = folder / "scale.md"
    shutil.copy(SCALE_PAGE, page)
    write_scale(SCALE, "make bench-scale", {"cores": "2"}, {"Python": "3.11"}, page)
    return page.read_text(), (folder / "scale.svg").read_text()


def test_the_page_keeps_what_is_written_by_hand_and_says_what_was_measured(tmp_path: Path) -> None:
    page, _ = write(tmp_path)
    by_hand = SCALE_PAGE.read_text().partition("<!-- measured: begin -->")[0]
    assert page.startswith(f"{by_hand}<!-- measured: begin -->\n")
    assert page.endswith("<!-- measured: end -->\n")
    assert "`make bench-scale` wrote this part" in page
    assert "$" not in page.removeprefix(by_hand)
    assert "| 1,000,000 | 25,000 | 40.0 |" in page
    assert "| extract_traces | 21.0 | 15.0 | 1.40x | 60% |" in page
    assert "| 3,005 | 50 | 51.0 | 1.00 | 240 | 5.00 | 13.3 |" in page
    assert "| partitions, each a shard of train | 50,000 |" in page
    assert "| disk of the workspace, its cache and memo, TB | 5.00 |" in page
    assert "| memory for so many partitions besides, MB | 1,000 |" in page
    # 8 s a million alone and 12 shared: with 16 workers 8.75, a thousand times.
    assert "| extract_traces | 3.89 | 2.43 | 2.27 | 2.24 |" in page


def test_the_page_is_the_same_for_the_same_figures_and_written_again_in_its_place(tmp_path: Path) -> None:
    first = write(tmp_path)
    write_scale(SCALE, "make bench-scale", {"cores": "2"}, {"Python": "3.11"}, tmp_path / "scale.md")
    assert ((tmp_path / "scale.md").read_text(), (tmp_path / "scale.svg").read_text()) == first


def test_the_plot_has_a_line_a_figure_and_is_read_on_dark_ground_too(tmp_path: Path) -> None:
    _, plot = write(tmp_path)
    root = ET.fromstring(plot)
    lines = root.findall("{*}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [2, 2, 2]
    assert "prefers-color-scheme:dark" in plot
    texts = [text.text for text in root.findall("{*}text")]
    assert {"wall, seconds", "CPU, seconds", "peak memory, MB", "100,000", "1,000,000"} <= set(texts)


def test_a_file_with_two_names_takes_its_disk_once(tmp_path: Path) -> None:
    for folder in ("data/traces", ".cache/memo", ".dvc/cache/files/md5/aa"):
        (tmp_path / folder).mkdir(parents=True)
    file = tmp_path / "data/traces/one.parquet"
    file.write_bytes(b"x" * 8192)
    (tmp_path / ".cache/memo/0").hardlink_to(file)
    (tmp_path / ".dvc/cache/files/md5/aa/bb.dir").write_bytes(b"y" * 100)
    left = left_by(tmp_path)
    assert (left.partitions, left.objects, left.stored, left.listing, left.memo) == (1, 1, 100, 100, 8192)
    assert 8192 <= left.disk < 2 * 8192


def test_what_a_real_build_left_is_seen(built: Path) -> None:
    left = left_by(built)
    assert left.partitions == len(list((built / "data/traces").glob("*.parquet")))
    assert left.objects > 5 * left.partitions
    # The workspace has each output a second time, and the memo the same files under other names.
    assert left.disk > 1.5 * left.stored
    assert left.listing > 50 * left.partitions
    assert (left.memo > 0) is enabled()  # off in CI
