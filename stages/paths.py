"""Where the pipeline's artefacts lie, as dvc.yaml names them."""

from __future__ import annotations

from pathlib import Path

TRACES = Path("data/traces")
QUARANTINE = Path("data/quarantine")
SCORES = Path("data/scores")
REASONS = QUARANTINE / "reasons.json"  # counts by reason, also when there is nothing to count
SELECTION = Path("data/selection")
COUNTS = SELECTION / "counts.json"
SET_ASIDE = SELECTION / "set_aside.jsonl"  # a line for each trace that was screened out, where traces are screened
RENDERED = Path("data/rendered")
PAIRS = Path("data/pairs")
PAIR_COUNTS = PAIRS / "counts.json"
EXPORT = Path("data/export")
PARQUET = EXPORT / "parquet"
COLUMN_COUNTS = Path("data/columns.json")  # what the columns of tunix_grpo lack
CARD = EXPORT / "README.md"
CROISSANT = EXPORT / "croissant.json"
MANIFEST = Path("data/manifest.json")
TRACE_IDS = Path("data/trace_ids")

STATS = Path("reports/stats.json")
STEPS = Path("reports/steps.csv")
CHARACTERS = Path("reports/characters.csv")
VALIDATION = Path("reports/validation.json")
SMOKE_TRAIN = Path("reports/smoke_train.json")
SMOKE_GRPO = Path("reports/smoke_grpo.json")
SMOKE_DPO = Path("reports/smoke_dpo.json")
SMOKE_LOSS = Path("reports/smoke_loss.csv")

SPLITS = ("train", "validation", "test")


def shard_name(split: str, partition: str) -> str:
    """The file of a partition's records in a split, within a format's folder."""
    return f"{split}-{partition}.jsonl"


def parquet_path(folder: Path, format_name: str, shard: Path) -> Path:
    """The path of a shard's Parquet copy, `folder` being the folder of all of them."""
    return folder / format_name / f"{shard.stem}.parquet"


def shards(format_name: str) -> list[tuple[str, Path]]:
    """The shards of a format with their splits, in the order of splits and partitions."""
    folder = EXPORT / format_name
    return [(split, path) for split in SPLITS for path in sorted(folder.glob(f"{split}-*.jsonl"))]
