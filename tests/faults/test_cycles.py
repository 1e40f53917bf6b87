"""A long life: traces are added, pinned, built and taken out, and each build is the one from scratch, byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest

from stages import validate
from stages.params.reading import load_params
from tests.faults.life import Life
from tests.faults.project import ROWS, Project
from tests.stages.lockfile import build_pinned, pin_rows, repin, set_params
from tests.support.samples import row
from tests.support.shell import commit, run
from traces.files import hash_file

INPUTS = ("params.yaml", "schemas", "data/recorded", "data/exclusions.csv", "data/snapshot.json")


def made() -> dict[str, str]:
    """Every file of the dataset and of its reports, by its hash."""
    return {str(path): hash_file(path) for top in ("data", "reports") for path in sorted(Path(top).rglob("*.*"))
            if path.is_file()}  # fmt: skip


def build_and_pass() -> dict[str, str]:
    build_pinned()
    validate.work(load_params())
    return made()


def copy_inputs(source: Path, target: Path) -> None:
    for name in INPUTS:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (source / name).is_dir() else shutil.copy)(source / name, target / name)


@pytest.mark.parametrize(("seed", "cycles"), [(0, 4), pytest.param(1, 50, marks=pytest.mark.soak)])
def test_each_build_in_a_long_life_is_the_one_from_scratch(
    workspace: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, seed: int, cycles: int
) -> None:
    life = Life(Random(seed), workspace, ROWS)
    set_params(extract={"partition_rows": 16}, selection={"dedup": "exact"})
    pin_rows(map(row, range(ROWS)))
    for cycle in range(cycles):
        if life.go_on():
            repin()
        monkeypatch.setenv("TRACES_MEMO", "on")
        monkeypatch.setenv("DVC_ROOT", str(workspace))
        remembered = build_and_pass()
        scratch = tmp_path_factory.mktemp("scratch")
        copy_inputs(workspace, scratch)
        monkeypatch.chdir(scratch)
        monkeypatch.setenv("TRACES_MEMO", "off")
        assert build_and_pass() == remembered, f"cycle {cycle} of seed {seed}"
        shutil.rmtree(scratch)
        monkeypatch.chdir(workspace)


@pytest.mark.parametrize(("seed", "cycles"), [(0, 1), pytest.param(1, 12, marks=pytest.mark.soak)])
def test_each_dvc_repro_in_a_long_life_is_that_of_a_fresh_clone(
    project: Project, tmp_path: Path, seed: int, cycles: int
) -> None:
    life = Life(Random(seed), project.folder, ROWS)
    for cycle in range(cycles):
        if life.go_on():
            project.run("traces", "pin", "--settle", "0")
        project.run("dvc", "repro", "validate")
        commit(project.folder, f"cycle {cycle} of seed {seed}")
        clone = tmp_path / "clone"
        run(tmp_path, "git", "clone", "-q", str(project.folder), str(clone))
        run(clone, "dvc", "repro", "validate", TRACES_MEMO="off")
        assert run(clone, "git", "status", "--porcelain").out == "", f"cycle {cycle} of seed {seed}"
        shutil.rmtree(clone)
