"""Files that are damaged behind DVC's back: in its cache, and in the workspace."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

from tests.faults.moments import one_error
from tests.faults.project import Project, circumstances
from tests.faults.seeds import seeds
from traces.files import hash_file

CACHED = ("extract_traces", "select", "render", "export", "manifest")


def a_file(rng: Random, project: Project) -> Path:
    """A random file in an output folder that DVC caches."""
    folders = [project.folder / path for stage in CACHED for path in project.outputs(stage)]
    return rng.choice(sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()))


def damage(rng: Random, path: Path) -> None:
    """Cut it off, change a bit or add to it, and leave its mode as it is."""
    held, mode = bytearray(path.read_bytes()), path.stat().st_mode
    place = rng.randrange(len(held))
    match rng.randrange(3):
        case 0:
            held = held[:place]
        case 1:
            held[place] ^= 1 << rng.randrange(8)
        case _:
            held += b"?"
    path.chmod(0o644)
    path.write_bytes(held)
    path.chmod(mode)


@seeds(2, 24)
def test_a_damaged_object_in_dvc_s_cache(project: Project, seed: int) -> None:
    """DVC brings it back without a look; the gate finds that, and takes it out of the cache."""
    rng = Random(f"cache {seed}")
    project.tries("a damaged object in DVC's cache")
    settings = circumstances(rng, project)
    path = a_file(rng, project)
    md5 = hash_file(path)
    cached = project.folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    damage(rng, cached)
    shutil.rmtree(path.parent)
    project.run("dvc", "repro", "validate", code=None, **settings)
    gate = project.run("dvc", "repro", "-f", "-s", "validate", code=None, **settings)
    if gate.code:  # else the stage ran, and what it made was left in the workspace
        assert f"  {cached}: was damaged in DVC's cache, and is removed from it; " in one_error(gate.text)
    project.recover()
    assert hash_file(cached) == md5 or not gate.code


@seeds(1, 24)
def test_a_damaged_file_in_the_workspace(project: Project, seed: int) -> None:
    rng = Random(f"workspace {seed}")
    project.tries("a damaged file in the workspace")
    settings = circumstances(rng, project)
    damage(rng, a_file(rng, project))
    for stage in rng.sample(CACHED[1:], 2):  # without DVC, which would mend it
        done = project.run("python", "-m", f"stages.{stage}", code=None, **settings)
        assert done.code in (0, 1)
        assert len(done.err.splitlines()) == done.code, done.err
    project.recover()
