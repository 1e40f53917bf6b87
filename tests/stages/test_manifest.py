"""The manifest quotes dvc.lock, and cannot be talked into a lie."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from stages import manifest
from stages.addresses.lock import hash_path
from stages.params.reading import load_params
from stages.paths import MANIFEST, SELECTION, TRACE_IDS
from stages.runtime.partitioned import partition_names
from stages.schemas import fast_validator, load_schema
from tests.stages.lockfile import build, set_params, write_lock
from tests.support.samples import row, trace_id
from traces.errors import TracesError


@pytest.fixture
def held(workspace: Path) -> dict[str, Any]:
    build(row(n) for n in range(60))
    found: dict[str, Any] = json.loads(MANIFEST.read_text())
    return found


def test_it_is_valid_and_its_counts_are_those_of_the_files(held: dict[str, Any]) -> None:
    assert fast_validator(load_schema("manifest")).is_valid(held)
    (listed,) = TRACE_IDS.iterdir()
    assert listed.read_text().split() == [trace_id(n) for n in range(60)]
    assert listed.stem == partition_names(SELECTION)[0]
    folder = hash_path(TRACE_IDS)
    assert held["trace_ids"] == {
        "path": "data/trace_ids",
        "md5": folder and folder.md5,
        "count": 60,
    }
    for name, export in held["exports"].items():
        for split, count in export["records"].items():
            texts = [path.read_text() for path in Path(f"data/export/{name}").glob(f"{split}-*")]
            assert "".join(texts).count("\n") == count == held["splits"][split]
    assert held["exported_at"] == row(59)["created_at"]


def test_the_dataset_s_id_follows_from_the_exports_alone(held: dict[str, Any]) -> None:
    lines = "".join(
        f"{held['exports'][name]['path']} {held['exports'][name]['md5']}\n"
        for name in ("trace", "tunix_grpo", "tunix_sft")
    )
    assert held["dataset_id"] == f"card-games-v1-{hashlib.sha256(lines.encode()).hexdigest()[:12]}"


def test_one_format_alone_is_another_dataset(held: dict[str, Any]) -> None:
    set_params(export={"formats": ["trace"]})
    build(row(n) for n in range(60))
    found = json.loads(MANIFEST.read_text())
    assert list(found["exports"]) == ["trace"]
    assert found["exports"]["trace"] == held["exports"]["trace"]
    assert found["dataset_id"] != held["dataset_id"]


def test_every_artefact_is_quoted_from_the_lock(held: dict[str, Any]) -> None:
    assert set(held["artefacts"]) == {
        "data/traces", "data/quarantine", "data/scores", "data/selection", "data/rendered", "data/pairs",
        "data/export/trace", "data/export/tunix_dpo",
        "data/export/tunix_sft", "data/export/tunix_grpo", "data/export/training_example", "data/export/messages",
        "data/export/parquet",
        "reports/stats.json", "reports/steps.csv", "reports/characters.csv", "data/columns.json",
    }  # fmt: skip


def edit_params() -> None:
    path = Path("params.yaml")
    path.write_text(path.read_text().replace("v1", "v2"))


def edit_shard() -> None:
    path = min(Path("data/export/trace").iterdir())
    path.write_text(path.read_text() + "\n")


def edit_lock() -> None:
    path = Path("dvc.lock")
    path.write_text(path.read_text().replace("partition_rows: 20480", "partition_rows: 20481"))


def edit_lock_s_hash() -> None:
    path = Path("dvc.lock")
    text = path.read_text()
    found = hash_path("data/selection")
    assert found is not None
    path.write_text(text.replace(found.md5, "0" * 32 + ".dir"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (edit_params, "dvc.lock: stage .* ran with dataset"),
        (edit_shard, "data/export/trace: its md5 is"),
        (edit_lock, "ran with extract"),
        (edit_lock_s_hash, "dvc.lock says 0000"),
        (lambda: Path("data/exclusions.csv").write_text("trace,reason,date\n\n"), "data/exclusions.csv: its md5 is"),
        (lambda: Path("reports/steps.csv").unlink(), "reports/steps.csv: missing"),
    ],
)
def test_what_differs_from_the_lock_stops_it(held: dict[str, Any], change: Any, says: str) -> None:
    before = MANIFEST.read_text()
    change()
    if change is edit_params:
        # The manifest's own params come from the lock of the stages that have them.
        write_lock()
        Path("params.yaml").write_text(Path("params.yaml").read_text().replace("validation: 0.1", "validation: 0.2"))
        says = "ran with split"
    with pytest.raises(TracesError, match=says):
        manifest.work(load_params())
    assert MANIFEST.read_text() == before
