"""`datasets.load_dataset` reads each export and its Parquet twin, also where metadata keys differ by game."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.shell import run
from training.formats import FORMATS
from training.formats.columns import COLUMNS, hugging_face_features

datasets = pytest.importorskip("datasets", reason="the training packages are not installed")


@pytest.fixture(scope="module")
def everything(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample in every format, with twins, as the pipeline makes and checks it."""
    import shutil

    folder = tmp_path_factory.mktemp("formats") / "project"
    shutil.copytree(built, folder, symlinks=True)
    wanted = ["-S", f"export.formats=[{','.join(FORMATS)}]", "-S", "export.parquet=true"]
    run(folder, "dvc", "exp", "run", "validate", *wanted)
    return folder


def load(everything: Path, cache: Path, kind: str, format_name: str, **options: Any) -> Any:
    suffix = "jsonl" if kind == "json" else "parquet"
    folder = everything / ("data/export" if kind == "json" else "data/export/parquet") / format_name
    files = {split: str(folder / f"{split}-*.{suffix}") for split in ("train", "validation", "test")}
    return datasets.load_dataset(kind, data_files=files, cache_dir=str(cache), **options)


@pytest.mark.parametrize("format_name", FORMATS)
def test_each_export_and_its_twin_are_read_alike(everything: Path, tmp_path: Path, format_name: str) -> None:
    os.environ["HF_DATASETS_OFFLINE"] = "1"
    manifest = json.loads((everything / "data/manifest.json").read_text())
    features = datasets.Features.from_dict(hugging_face_features(format_name))
    lines = load(everything, tmp_path / "a", "json", format_name, features=features)
    twins = load(everything, tmp_path / "b", "parquet", format_name)
    records = manifest["exports"][format_name]["records"]
    assert {split: rows.num_rows for split, rows in lines.items()} == records
    assert {split: rows.num_rows for split, rows in twins.items()} == records
    assert twins["train"].features == features
    for split in records:
        folder = everything / "data/export" / format_name
        shards = sorted(folder.glob(f"{split}-*"))
        raw = [json.loads(line) for path in shards for line in path.read_text().split("\n")[:-1]]
        for number in (0, len(raw) // 2, len(raw) - 1):
            assert lines[split][number] == twins[split][number] == raw[number]
    if "metadata" in features:
        keys = {frozenset(row["metadata"]) for row in lines["train"]}
        assert len(keys) > 1  # or this test would not show anything


def test_a_format_s_columns_are_those_that_its_schema_names(everything: Path) -> None:
    assert list(COLUMNS) == list(FORMATS)
    for name, columns in COLUMNS.items():
        schema = json.loads((everything / f"schemas/export/{name}.schema.json").read_text())
        assert list(schema["properties"]) == list(columns)


def test_the_manifest_says_that_there_are_twins(everything: Path, built: Path) -> None:
    assert json.loads((everything / "data/manifest.json").read_text())["parquet"] == "data/export/parquet"
    assert json.loads((built / "data/manifest.json").read_text())["parquet"] is None
    assert list((built / "data/export/parquet").iterdir()) == []
