"""Writes the Parquet copies of an export again: `python -m benchmarks.copies EXPORT TARGET [--start-only]`.

A process of its own, so that what they take can be measured. With `--start-only` it writes none.
"""

from __future__ import annotations

import sys
from pathlib import Path

from stages.exports.parquet import write_parquet
from training.formats.columns import COLUMNS


def main(export: Path, target: Path, *, start_only: bool) -> None:
    """Write a copy of each shard below `export` into `target`."""
    for name in COLUMNS:
        for shard in sorted((export / name).glob("*.jsonl")):
            if not start_only:
                write_parquet(shard, name, target / name / f"{shard.stem}.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), start_only="--start-only" in sys.argv)
