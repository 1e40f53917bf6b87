"""Two `dvc repro` at once: the second is refused, or waits; the first is not disturbed."""

from __future__ import annotations

from random import Random

from tests.faults.moments import one_error, stopped
from tests.faults.project import STAGES, Project
from tests.faults.seeds import seeds


@seeds(1, 12)
def test_two_at_once(project: Project, seed: int) -> None:
    rng = Random(f"two {seed}")
    stage = rng.choice(STAGES)
    project.tries("two dvc repro at once")
    with stopped(project, stage, rng, code=True) as stop:
        second = project.run("dvc", "repro", "-f", "validate", code=None)
        assert second.code != 0
        assert "is busy, it is being blocked by" in one_error(second.text)
        assert f"(PID {stop.dvc.pid}): " in second.text
        stop.go_on()
        assert "ERROR" not in stop.ended()
    project.recover()
    assert project.left_behind() == []
