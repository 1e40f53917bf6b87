"""`python -m benchmarks --against REV` builds two commits in turns and compares what they took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from benchmarks.bench import Bench
from benchmarks.measure import Measurement, server_process
from benchmarks.ours import prepared
from benchmarks.parts import against
from benchmarks.parts.against import THIS, Against
from commands.repository import git
from tests.support.shell import ROOT, run

NOTHING = Measurement(wall=0, cpu=0, server_cpu=0, peak=0, anonymous=0, written=0)


def took(*cpu: float) -> list[Measurement]:
    return [replace(NOTHING, cpu=seconds) for seconds in cpu]


def test_the_lowest_builds_are_compared() -> None:
    (table,) = against.tables(Against("HEAD~1", took(12, 10, 11), took(13, 12.5, 12)), ["export.parquet=true"])
    assert table.rows == [
        ["HEAD~1 export.parquet=true", "12.0", "10.0", "11.0", "10.0", ""],
        [THIS, "13.0", "12.5", "12.0", "12.0", "+20.0%"],
    ]


@pytest.mark.soak
def test_each_commit_is_built_from_a_fresh_clone(database: Callable[[str], str], tmp_path: Path) -> None:
    url = database("")
    bench = Bench(tmp_path, 300, url, server_process(url))
    found = against.run(bench, "HEAD", pairs=1, settings=["export.formats=[tunix_sft]"])
    (theirs,), (ours,) = found.theirs, found.ours
    assert 0 < theirs.cpu < 2 * ours.cpu
    assert 0 < ours.cpu < 3 * theirs.cpu
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]


def test_a_clone_of_the_other_commit_has_the_params_that_are_set(tmp_path: Path) -> None:
    settings = ["export.formats=[tunix_sft]", "+filters.game=spades_mini"]
    workspace = prepared(tmp_path, "clone", "sqlite:///none.db", 0, None, revision="HEAD", settings=settings)
    params = YAML(typ="safe").load(workspace.folder / "params.yaml")
    assert params["export"]["formats"] == ["tunix_sft"]
    assert params["filters"] == {"source": None, "game": "spades_mini"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--against", "HEAD", "--set", "exports.parquet=true"], "exports"),
        (["--against", "HEAD", "--set", "export.formats"], "export.formats"),
        (["--set", "export.formats=[trace]"], "needs --against"),
    ],
)
def test_a_setting_that_cannot_hold_is_refused_before_anything_is_measured(arguments: list[str], says: str) -> None:
    done = run(ROOT, "python", "-m", "benchmarks", *arguments, code=2)
    assert "--set" in done.err
    assert says in done.err


def test_a_revision_is_looked_up_before_anything_is_measured() -> None:
    assert against.commit_of("HEAD") == git("rev-parse", "HEAD", folder=ROOT).strip()
    done = run(ROOT, "python", "-m", "benchmarks", "--against", "nosuch", code=2)
    assert "--against" in done.err
    assert "Needed a single revision" in done.err


@pytest.mark.parametrize("name", ["--output=x", "HEAD:README.md"])
def test_a_name_that_is_no_commit_is_refused(name: str) -> None:
    done = run(ROOT, "python", "-m", "benchmarks", "--against", name, code=2)
    assert "fatal:" in done.err
