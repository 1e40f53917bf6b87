"""What a second format costs, and how many files a dataset is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.measure import Measurement

FORMATS = ("trace", "tunix_sft")


@dataclass(frozen=True)
class Files:
    """The files of one export; `smallest` is of its train split, in bytes and records."""

    count: int
    smallest: int
    smallest_records: int


@dataclass(frozen=True)
class Formats:
    """One format against two."""

    one: Measurement
    both: Measurement
    files: dict[str, Files]


def run(bench: Bench) -> Formats:
    """Build with both, beside the build with one."""
    with bench.build("both", bench.rows, FORMATS) as built:
        files = {name: count_files(built.workspace.folder / "data/export" / name) for name in FORMATS}
        return Formats(bench.built.build, built.build, files)


def count_files(folder: Path) -> Files:
    """What an export's folder holds."""
    smallest = min(folder.glob("train-*.jsonl"), key=lambda path: path.stat().st_size)
    with smallest.open("rb") as lines:
        return Files(len(list(folder.iterdir())), smallest.stat().st_size, sum(1 for _ in lines))
