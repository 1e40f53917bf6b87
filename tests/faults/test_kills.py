"""Processes that are killed, at any moment: nothing half-written is taken for whole, and nobody is left."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from random import Random

import pytest

from tests.faults.moments import patiently, stopped
from tests.faults.project import STAGES, Project
from tests.faults.seeds import seeds
from tests.support.shell import commit, environment

# DVC runs a stage by the user's shell, and one that does not replace itself by its last command says 128 more.
KILLED = r"failed to run: python -m stages\.{}, exited with (-9|137)"


@pytest.mark.parametrize("stage", STAGES)
@seeds(1, 12)
def test_a_stage_that_is_killed(project: Project, stage: str, seed: int) -> None:
    project.tries(f"kill -9 of {stage}")
    with stopped(project, stage, Random(f"kill {stage} {seed}")) as stop:
        stop.kill(stop.stage)
        assert re.search(KILLED.format(stage), stop.error())
    assert project.half_written(stage) == []
    done = project.recover()
    if f"Running stage '{stage}'" in done.out:
        assert project.left_behind() == []


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_a_training_that_is_killed(project: Project, seed: int) -> None:
    """Ten steps take longer than the whole rest, so this is for the soak alone."""
    pytest.importorskip("tunix")
    rng = Random(f"training {seed}")
    project.tries("kill -9 of smoke_train")
    project.run("dvc", "repro")
    commit(project.folder, "trained")
    at = replace(project, moments={"smoke_train": range(20, 60)})
    with stopped(at, "smoke_train", rng) as stop:
        stop.kill(stop.stage)
        assert re.search(KILLED.format("smoke_train"), stop.error())
    assert project.half_written("smoke_train") == []
    project.recover("smoke_train")


@seeds(1, 12)
def test_a_worker_that_is_killed(project: Project, seed: int) -> None:
    rng = Random(f"worker {seed}")
    stage = rng.choice(["extract_traces", "select", "render", "export", "validate"])
    project.tries("kill -9 of a worker")
    with stopped(project, stage, rng) as stop:
        stop.kill(stop.here)
        said = stop.error()
        if stop.here != stop.stage:
            assert f"\n{stage}: a worker was killed, most likely for memory; set TRACES_WORKERS=1" in said
            assert project.left_behind() == []
    assert project.half_written(stage) == []
    project.recover()


@seeds(1, 12)
def test_all_of_it_killed_at_once(project: Project, seed: int) -> None:
    rng = Random(f"all {seed}")
    stage = rng.choice(STAGES)
    project.tries("kill -9 of dvc and all that it started")
    with stopped(project, stage, rng) as stop:
        stop.clear()
    assert project.half_written(stage) == []
    project.recover()


@seeds(1, 12)
def test_dvc_killed_while_its_stage_goes_on(project: Project, seed: int) -> None:
    """The next `dvc repro` waits for the stage, which would write over what that makes."""
    rng = Random(f"dvc {seed}")
    stage = rng.choice(STAGES)
    project.tries("kill -9 of dvc, its stage goes on")
    with stopped(project, stage, rng) as stop:
        stop.dvc.kill()
        stop.dvc.wait()
        log = project.folder.parent / "second"
        with log.open("w") as file:
            second = subprocess.Popen(
                ["dvc", "repro", "-f", "-s", stage],
                cwd=project.folder,
                env=environment(**project.settings),
                stdout=file,
                stderr=file,
            )
        for _ in patiently("the second does not wait"):
            if second.poll() is not None or "another stage is at work" in log.read_text():
                break
        waits = second.poll() is None
        stop.go_on()
        stop.ended()
        assert second.wait() == 0, log.read_text()
        assert waits, log.read_text()
    project.recover()


@seeds(2, 18)
def test_ctrl_c(project: Project, seed: int) -> None:
    rng = Random(f"interrupt {seed}")
    stage = rng.choice(STAGES)
    project.tries("Ctrl-C")
    with stopped(project, stage, rng, code=True) as stop:
        stop.interrupt()
        said = stop.error()
        assert f"\n{stage}: interrupted; nothing half-written was left\n" in said or "exited with -2" in said
    assert project.left_behind() == []
    assert project.half_written(stage) == []
    project.recover()
