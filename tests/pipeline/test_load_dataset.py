"""What trainers elsewhere load the exports with reads them: `datasets`, also by the dataset card, and Croissant."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from stages.cards.croissant import CONFORMS_TO
from tests.support.shell import run
from training.formats import FORMATS
from training.formats.columns import COLUMNS, hugging_face_features

MESSAGE = ("role", "content")

datasets = pytest.importorskip("datasets", reason="the training packages are not installed")


@pytest.fixture(scope="module")
def everything(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample in every format, with twins, as the pipeline makes and checks it."""
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


def records(everything: Path, format_name: str) -> dict[str, list[Any]]:
    """A format's records by split, as they stand in its shards."""
    folder = everything / "data/export" / format_name
    return {
        split: [
            json.loads(line) for path in sorted(folder.glob(f"{split}-*")) for line in path.read_text().split("\n")[:-1]
        ]
        for split in ("train", "validation", "test")
    }


@pytest.mark.parametrize("format_name", FORMATS)
def test_each_export_and_its_twin_are_read_alike(everything: Path, tmp_path: Path, format_name: str) -> None:
    os.environ["HF_DATASETS_OFFLINE"] = "1"
    manifest = json.loads((everything / "data/manifest.json").read_text())
    features = datasets.Features.from_dict(hugging_face_features(format_name))
    lines = load(everything, tmp_path / "a", "json", format_name, features=features)
    twins = load(everything, tmp_path / "b", "parquet", format_name)
    counts = manifest["exports"][format_name]["records"]
    assert {split: rows.num_rows for split, rows in lines.items()} == counts
    assert {split: rows.num_rows for split, rows in twins.items()} == counts
    assert twins["train"].features == features
    for split, raw in records(everything, format_name).items():
        for number in (0, len(raw) // 2, len(raw) - 1):
            assert lines[split][number] == twins[split][number] == raw[number]
    if "metadata" in features:
        keys = {frozenset(row["metadata"]) for row in lines["train"]}
        assert len(keys) > 1  # or this test would not show anything


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_card_says_how_to_load_it(
    everything: Path, tmp_path: Path, format_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    named = () if format_name == "tunix_sft" else (format_name,)  # the default
    loaded = datasets.load_dataset(str(everything / "data/export"), *named, cache_dir=str(tmp_path))
    assert loaded["train"].features == datasets.Features.from_dict(hugging_face_features(format_name))
    assert {split: list(rows) for split, rows in loaded.items()} == records(everything, format_name)


def test_the_card_notices_that_a_record_is_missing(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built / "data/export", tmp_path / "export")
    (shard,) = (tmp_path / "export/tunix_sft").glob("test-*")
    shard.write_text("".join(shard.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(datasets.exceptions.NonMatchingSplitsSizesError):
        datasets.load_dataset(str(tmp_path / "export"), cache_dir=str(tmp_path / "cache"))


def test_a_format_that_was_not_asked_for_has_no_configuration(built: Path) -> None:
    names = datasets.get_dataset_config_names(str(built / "data/export"))
    assert names == ["tunix_sft", "trace", "tunix_grpo"]


def as_croissant(value: Any, field: str) -> Any:
    """A value as `mlcroissant` gives it: text as bytes, of objects the keys that the metadata names."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return [as_croissant(item, field) for item in value]
    if isinstance(value, dict):
        named = [key for key in ("created_at", "trace_version", "format", "source", "game", *MESSAGE) if key in value]
        return {f"{field}/{key}": as_croissant(value[key], f"{field}/{key}") for key in named}
    return value


def open_croissant(folder: Path) -> Any:
    croissant = pytest.importorskip("mlcroissant", reason="the training packages are not installed")
    return croissant.Dataset(str(folder / "data/export/croissant.json"))


# Of what mlcroissant imports and calls.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", FORMATS)
def test_croissant_gives_the_records_of_a_split(everything: Path, name: str) -> None:
    loaded = open_croissant(everything)
    found = list(loaded.records(name, filters={f"{name}/split": "test"}))
    for row in found:
        if metadata := row.get(f"{name}/metadata"):
            metadata[f"{name}/metadata/created_at"] = metadata[f"{name}/metadata/created_at"].isoformat().encode()
    assert found == [
        {f"{name}/{key}": as_croissant(value, f"{name}/{key}") for key, value in (row | {"split": "test"}).items()}
        for row in records(everything, name)["test"]
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_croissant_validates_and_has_all_records(built: Path) -> None:
    loaded = open_croissant(built)
    assert (loaded.metadata.ctx.issues.errors, loaded.metadata.ctx.issues.warnings) == (set(), set())
    assert loaded.metadata.ctx.conforms_to.value == CONFORMS_TO
    found = {(row["trace/id"].decode(), row["trace/split"].decode()) for row in loaded.records("trace")}
    assert found == {(row["id"], split) for split, rows in records(built, "trace").items() for row in rows}


def test_a_format_s_columns_are_those_that_its_schema_names(everything: Path) -> None:
    assert list(COLUMNS) == list(FORMATS)
    for name, columns in COLUMNS.items():
        schema = json.loads((everything / f"schemas/export/{name}.schema.json").read_text())
        assert list(schema["properties"]) == list(columns)


def test_the_manifest_says_that_there_are_twins(everything: Path, built: Path) -> None:
    assert json.loads((everything / "data/manifest.json").read_text())["parquet"] == "data/export/parquet"
    assert json.loads((built / "data/manifest.json").read_text())["parquet"] is None
    assert list((built / "data/export/parquet").iterdir()) == []
