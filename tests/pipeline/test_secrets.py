"""A secret in the environment and `${oc.env:NAME}`: where it is refused, where it is left, and how it is removed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.docs import marked
from tests.support.git import git_objects
from tests.support.shell import ROOT, Done, run

SECRET = "hunter2-" * 3  # so that this file, which a copy of the repository holds, does not hold it
LEAK = "${oc.env:API_TOKEN}"
REFUSED = "holds the secret in the environment variable API_TOKEN; `git checkout params.yaml`, and see docs/trust.md"


@dataclass(frozen=True)
class Found:
    """Where the secret stands: files, and Git's objects by whether a branch, a tag or another ref holds them."""

    files: list[str]
    held: int
    loose: int

    @classmethod
    def in_folder(cls, folder: Path) -> Found:
        paths = (path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes())
        listed = run(folder, "git", "rev-list", "--objects", "--all").out.splitlines()
        named = {line.split()[0] for line in listed}
        held = [name in named for name, body in git_objects(folder) if SECRET.encode() in body]
        return cls([path.relative_to(folder).as_posix() for path in paths], held.count(True), held.count(False))


def with_secret(folder: Path, *command: str) -> Done:
    """A command in an environment that has the secret; what it says has it not."""
    done = run(folder, *command, code=None, API_TOKEN=SECRET)
    assert SECRET not in done.text
    return done


def remove(folder: Path) -> None:
    run(folder, "bash", "-euc", marked(ROOT / "docs/trust.md", "removes: a secret"))
    assert Found.in_folder(folder) == Found([], 0, 0)


def write_name(folder: Path, name: str) -> None:
    path = folder / "params.yaml"
    path.write_text(path.read_text().replace("name: card-games", f'name: "{name}"'))


def test_what_is_written_into_params_is_refused_before_it_is_resolved(repository: Path) -> None:
    write_name(repository, LEAK)
    done = with_secret(repository, "dvc", "repro")
    assert done.code != 0
    assert "manifest: params.yaml: dataset.name: holds `${`" in done.text
    assert Found.in_folder(repository) == Found([], 0, 0)


@pytest.mark.parametrize(("param", "stage"), [("dataset.name", "manifest"), ("filters.game", "select")])
def test_what_dvc_has_resolved_goes_no_further_than_params(repository: Path, param: str, stage: str) -> None:
    done = with_secret(repository, "dvc", "exp", "run", "validate", "-S", f"{param}={LEAK}")
    assert done.code != 0
    assert f"{stage}: params.yaml: {param}: {REFUSED}" in done.text
    # Not in our hands: DVC's own stash of what -S made, which it has dropped again.
    assert Found.in_folder(repository) == Found(["params.yaml"], 0, 1)
    remove(repository)


@pytest.mark.soak
def test_a_queued_experiment_holds_it_until_it_is_removed(repository: Path) -> None:
    with_secret(repository, "dvc", "exp", "run", "validate", "--queue", "-S", f"dataset.name={LEAK}")
    assert REFUSED in with_secret(repository, "dvc", "exp", "run", "--run-all").text
    assert Found.in_folder(repository) == Found([], 1, 0)
    remove(repository)


def test_the_gate_refuses_it_too(repository: Path) -> None:
    write_name(repository, SECRET)
    done = with_secret(repository, "dvc", "repro", "-f", "-s", "validate")
    assert done.code != 0
    assert f"validate: params.yaml: dataset.name: {REFUSED}" in done.text
