"""`traces summary`: the dataset in a few lines, and whether it is the one that was asked for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands.summary import lines
from tests.commands.support import Command
from tests.stages.lockfile import build, pin_rows, set_params
from tests.support.samples import payload, row
from tests.support.shell import ROOT


def edit_manifest(old: str, new: str) -> None:
    path = Path("data/manifest.json")
    path.write_text(path.read_text().replace(old, new))


def test_every_count_is_said() -> None:
    manifest = json.loads((ROOT / "data/manifest.json").read_text())
    manifest["counts"] |= {"read": 5000, "quarantined": 7, "rejected": 3}
    manifest["exports"]["trace"]["records"] = {"train": 1234, "validation": 0, "test": 1}
    said = "\n".join(lines(manifest, None))
    assert "dataset     card-games-v1-" in said
    assert "read        5,000 traces" in said
    assert "7 quarantined, 0 filtered, 0 excluded, 3 rejected, 0 deduplicated, 0 over limit" in said
    assert "trace       train 1,234, test 1: data/export/trace/" in said


def test_the_lines_are_aligned_by_the_longest_name() -> None:
    manifest = json.loads((ROOT / "data/manifest.json").read_text())
    manifest["exports"]["training_example"] = manifest["exports"]["trace"]
    said = lines(manifest, None)
    assert "training_example  train 1,805, " in "\n".join(said)
    assert "dataset           card-games-v1-" in said[0]
    assert all(line[16:18] == "  " and line[18] != " " for line in said)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda: None, None),
        (lambda: set_params(selection={"dedup": "exact"}), "params.yaml asks for another selection"),
        (lambda: set_params(filters={"game": "sums"}), "params.yaml asks for another filters"),
        (lambda: set_params(export={"formats": ["trace"]}), "params.yaml asks for another export"),
        (lambda: set_params(dataset={"version": "v2"}), "params.yaml asks for another dataset"),
        (lambda: pin_rows(row(n) for n in range(61)), "data/snapshot.json was pinned anew since"),
        (
            lambda: edit_manifest('"scores": null', '"scores": {"digest": "0"}'),
            "data/snapshot.json was pinned anew since",
        ),
        (lambda: shutil.rmtree("data/export"), "data/export/trace/ does not hold its files"),
        (lambda: shutil.rmtree("data/export/parquet"), "data/export/parquet/trace/ does not hold its files"),
    ],
)
def test_a_dataset_that_is_not_the_one_asked_for_is_called_stale(
    traces: Command, change: Callable[[], Any], says: str | None
) -> None:
    build(row(n) for n in range(60))
    change()
    assert traces("summary") == (0 if says is None else 1)
    assert (says is None) == ("stale" not in traces.out)
    assert says is None or f"stale       {says}; `dvc repro` makes it" in traces.out
    traces("summary", "--json")
    held = json.loads(traces.out)
    assert held.pop("stale") == says
    assert held == json.loads(Path("data/manifest.json").read_text())


def test_the_next_step_is_one_that_this_dataset_allows(traces: Command) -> None:
    build(row(n) for n in range(60))
    traces("summary")
    assert "next        docs/datasets.md says what else can be chosen" in traces.out
    build(row(n, meta={**payload(n)["meta"], "game": "ab"[n % 3 == 0]}) for n in range(60))
    traces("summary")
    assert "next        dvc exp run -S filters.game=a" in traces.out


@pytest.mark.parametrize("odd", ["x; touch pwned", "$(id)", "'a'", "\x1b[2J", "null", "7", "a b", "[a]", "(none)", "é"])
def test_a_name_that_a_shell_or_hydra_reads_something_into_is_not_offered(odd: str) -> None:
    manifest = json.loads((ROOT / "data/manifest.json").read_text())
    manifest["stats"]["games"] = {odd: 100, "spades_mini": 1}
    assert lines(manifest, None)[-1] == "next        dvc exp run -S filters.game=spades_mini"
    manifest["stats"]["games"] = {odd: 100, "(others)": 1}
    assert lines(manifest, None)[-1] == "next        docs/datasets.md says what else can be chosen"
