"""Disks that are full, and folders that may not be written to: one line says so, and what to do."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tests.faults.machine import filled, forbidden, read_only, small_disk
from tests.faults.moments import one_error
from tests.faults.project import STAGES, Project, circumstances
from tests.faults.seeds import seeds

DVC_SAYS = r"No space left on device|No possible cache link types"
FULL = r": (no space left on this disk; free some|database or disk is full; free some space there) and run it again$"


def stage_says(text: str, stage: str) -> str:
    """The one line of the stage; empty where DVC stumbled first, which says it in one line, too."""
    lines = [line for line in one_error(text).splitlines() if line.startswith(f"{stage}: ")]
    assert len(lines) <= 1, text
    return "".join(lines)


@seeds(2, 24)
def test_a_full_disk(
    undisturbed: Project, tmp_path: Path, record_property: Callable[[str, object], None], seed: int
) -> None:
    rng = Random(f"full {seed}")
    stage = rng.choice(STAGES[:5])
    with small_disk(tmp_path / "disk", 64) as disk:
        project = undisturbed.copy(disk, record_property)
        settings = circumstances(rng, project)
        project.tries("a full disk")
        for path in project.outputs(stage):
            shutil.rmtree(project.folder / path, ignore_errors=True)
        with filled(disk, rng.randrange(0, 40)):
            done = project.run("dvc", "repro", "-f", "-s", stage, code=None, **settings)
            if done.code:
                said = stage_says(done.text, stage)
                assert re.search(FULL if said else DVC_SAYS, said or done.text)
                assert not said or project.half_written(stage) == []
            assert project.left_behind() == []
        mend_rwlock(project)
        project.recover()


def mend_rwlock(project: Project) -> None:
    """What docs/trust.md says to do where the disk was full just when DVC wrote down who reads and writes what."""
    if "Unable to read RWLock-file" in project.run("dvc", "repro", "--dry", "validate", code=None).text:
        (project.folder / ".dvc/tmp/rwlock").unlink()


@seeds(1, 8)
def test_no_room_for_the_embedded_store(project: Project, tmp_path: Path, seed: int) -> None:
    rng = Random(f"tmp {seed}")
    project.tries("a full disk: where temporary files lie")
    settings = circumstances(rng, project) | {"TRACES_MEMO": "off"}
    # Without room for one page Python takes another folder for temporary files.
    with small_disk(tmp_path / "tmp", 1) as disk, filled(disk, rng.randrange(8, 16)):
        done = project.run("dvc", "repro", "-f", "-s", "extract_traces", code=None, **settings)
        said = stage_says(done.text, "extract_traces")
        assert said.startswith(f"extract_traces: embedded store (data/recorded/) in {disk}: ")
        assert re.search(FULL, said)
    assert project.left_behind() == []
    project.recover()


@pytest.mark.parametrize("how", ["mounted", "forbidden"])
@seeds(1, 10)
def test_a_folder_that_may_only_be_read(project: Project, how: str, seed: int) -> None:
    rng = Random(f"read-only {how} {seed}")
    project.tries(f"a read-only folder: {how}")
    stage = rng.choice(STAGES[:5])
    settings = circumstances(rng, project)
    with ExitStack() as stack:
        if how == "mounted":
            stack.enter_context(read_only(project.folder / "data"))
            before, says = (), "the disk is read-only; mount it to be written to"
        else:
            before, says = stack.enter_context(forbidden(project.folder / "data")), "this user may not; `ls -ld` says"
        done = project.run(*before, "dvc", "repro", "-f", "-s", stage, code=None, **settings)
        assert done.code != 0
        assert re.search(r"Read-only file system|Permission denied|this user may not", one_error(done.text))
        direct = project.run(*before, "python", "-m", f"stages.{stage}", code=1, **settings)
        assert direct.err.startswith(f"{stage}: ")
        assert f": {says}" in direct.err
        assert len(direct.err.splitlines()) == 1
        assert project.half_written(stage) == []
    project.recover()
