"""The sample, built by DVC, through the readers that docs/datasets.md names: by the card, by Parquet, by Croissant."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stages.cards.croissant import CONFORMS_TO
from tests.support.readers import READERS, json_lines
from tests.support.samples import pair_rows, write_jsonl
from tests.support.shell import run
from training.formats import FORMATS
from training.formats.columns import COLUMNS

datasets = pytest.importorskip("datasets", reason="the training packages are not installed")
croissant = pytest.importorskip("mlcroissant", reason="the training packages are not installed")
# Of what mlcroissant imports and calls.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def everything(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample in every format, as the pipeline makes and checks it."""
    folder = tmp_path_factory.mktemp("formats") / "project"
    shutil.copytree(built, folder, symlinks=True)
    write_jsonl(folder / "data/recorded/sums.jsonl.gz", pair_rows())
    run(folder, "traces", "pin")
    run(folder, "dvc", "exp", "run", "validate", "-S", f"export.formats=[{','.join(FORMATS)}]")
    return folder


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hugging-face"))


@pytest.mark.parametrize("name", FORMATS)
def test_every_reader_gives_the_records_of_the_json_lines(everything: Path, name: str) -> None:
    export = everything / "data/export"
    expected = json_lines(export, name)
    manifest = json.loads((everything / "data/manifest.json").read_text())
    assert {split: len(rows) for split, rows in expected.items()} == manifest["exports"][name]["records"]
    for reader, call in READERS.items():
        assert call(export, name) == expected, reader
    if "metadata" in COLUMNS[name]:
        assert len({frozenset(json.loads(row["metadata"])) for row in expected["train"]}) > 1  # keys differ


def test_the_card_says_how_to_load_it(everything: Path, tmp_path: Path) -> None:
    loaded = datasets.load_dataset(str(everything / "data/export"), cache_dir=str(tmp_path))  # the default
    assert {split: list(rows) for split, rows in loaded.items()} == json_lines(everything / "data/export", "tunix_sft")
    text, number = datasets.Value("string"), datasets.Value("int64")
    assert loaded["train"].features == {
        "id": text, "prompts": text, "final_answer": text, "metadata": text, "completion_start": number
    }  # fmt: skip
    (script,) = (everything / "data/export/README.md").read_text().split("```python\n")[1:]
    code = script.split("```")[0].replace("data/export", str(everything / "data/export"))
    names: dict[str, Any] = {}
    exec(code, names)
    assert json.loads(names["dataset"]["train"][0]["metadata"])["source"] == "ungar"


def test_the_card_notices_that_a_record_is_missing(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built / "data/export", tmp_path / "export")
    (copy,) = (tmp_path / "export/parquet/tunix_sft").glob("test-*")
    pq.write_table(pq.read_table(copy)[1:], copy)
    with pytest.raises(datasets.exceptions.NonMatchingSplitsSizesError):
        datasets.load_dataset(str(tmp_path / "export"), cache_dir=str(tmp_path / "cache"))


def test_a_format_that_was_not_asked_for_has_no_configuration(built: Path) -> None:
    names = datasets.get_dataset_config_names(str(built / "data/export"))
    assert names == ["tunix_sft", "trace", "tunix_grpo"]


def test_croissant_is_valid_and_reads_one_split_alone(built: Path) -> None:
    loaded = croissant.Dataset(str(built / "data/export/croissant.json"))
    assert (loaded.metadata.ctx.issues.errors, loaded.metadata.ctx.issues.warnings) == (set(), set())
    assert loaded.metadata.ctx.conforms_to.value == CONFORMS_TO
    found = [row["trace/id"].decode() for row in loaded.records("trace", filters={"trace/split": "test"})]
    assert found == [row["id"] for row in json_lines(built / "data/export", "trace")["test"]]


def test_a_format_s_columns_are_those_that_its_schema_names(everything: Path) -> None:
    assert list(COLUMNS) == list(FORMATS)
    for name, columns in COLUMNS.items():
        schema = json.loads((everything / f"schemas/export/{name}.schema.json").read_text())
        assert list(schema["properties"]) == list(columns)


def test_each_shard_has_one_parquet_copy(built: Path) -> None:
    shards = [path.relative_to(built / "data/export") for path in (built / "data/export").glob("*/*.jsonl")]
    copies = [path.relative_to(built / "data/export/parquet") for path in (built / "data/export/parquet").glob("*/*")]
    assert sorted(copies) == sorted(shard.with_suffix(".parquet") for shard in shards)
    assert json.loads((built / "data/manifest.json").read_text())["parquet"] == "data/export/parquet"
