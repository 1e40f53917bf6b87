"""The build of this project: a fresh clone of the working tree's commit, pinned to a store, built up to `validate`."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from benchmarks.measure import ROOT, Measurement, measure
from commands.repository import git

STAGES = ("extract_traces", "select", "render", "export", "manifest", "card", "validate")
BUILD = ("dvc", "repro", "validate")
PROCESSES = 2  # as many as each contender has


@dataclass(frozen=True)
class Workspace:
    """A clone of the repository, the environment of its commands, and the database server's process."""

    folder: Path
    settings: dict[str, str]
    server: int

    def measure(self, *command: str, **settings: str) -> Measurement:
        """What a command takes here."""
        return measure(command, self.folder, {**self.settings, **settings}, self.server)

    def pin(self) -> Measurement:
        """Pin the store as it is."""
        return self.measure("traces", "pin", "--settle", "0")

    def build(self) -> Measurement:
        """Build up to the gate."""
        return self.measure(*BUILD)

    def stage(self, name: str, memo: str = "on") -> Measurement:
        """A stage by itself, without DVC. It writes the same bytes again, so that dvc.lock stays right."""
        return self.measure("python", "-m", f"stages.{name}", TRACES_MEMO=memo)

    def forget(self) -> None:
        """Empty the memo, as it is in a fresh clone."""
        shutil.rmtree(self.folder / ".cache/memo", ignore_errors=True)


def prepared(
    work: Path,
    name: str,
    url: str,
    server: int,
    formats: list[str] | None,
    partition_rows: int | None = None,
    workers: int = PROCESSES,
    revision: str | None = None,
    settings: Sequence[str] = (),
) -> Workspace:
    """A fresh clone that takes all traces of the store at `url` and exports them in `formats`.

    Without `formats` it keeps those of its params. With a `revision`, its code and params are that commit's.
    `settings` change further params, each as `dvc exp run -S` takes it.
    """
    folder = work / name
    environment = settings_in(work, folder) | {"TRACES_DATABASE_URL": url, "TRACES_WORKERS": str(workers)}
    clone(folder)
    if revision:
        git("checkout", "--quiet", "--detach", revision, folder=folder)
    path, yaml = folder / "params.yaml", YAML()
    params = yaml.load(path)
    params["filters"]["source"] = None
    if partition_rows:
        params["extract"]["partition_rows"] = partition_rows
    if formats:
        params["export"]["formats"] = formats
    yaml.dump(params, path)
    if settings:
        apply_overrides(path, list(settings))
    return Workspace(folder, environment, server)


def fresh_clone_and_build(work: Path) -> Measurement:
    """What the shipped sample takes from `git clone` to the gate, the environment being there."""
    folder = work / "shipped"
    cloning = shlex.join(["git", "clone", "--quiet", str(ROOT), str(folder)])
    script = f"{cloning} && cd {shlex.quote(str(folder))} && {shlex.join(BUILD)}"
    took = measure(("sh", "-c", script), work, settings_in(work, folder))
    shutil.rmtree(folder)
    return took


def user_settings(scratch: Path) -> dict[str, str]:
    """The environment of a user with the virtual environment active and no settings of the project's or DVC's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("TRACES_", "DVC_", "GIT_", "HF_"))}
    kept.pop("CI", None)  # where it is set, there is no memo
    (scratch / "tmp").mkdir(parents=True, exist_ok=True)
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(scratch / "tmp"),
        "GIT_CONFIG_GLOBAL": os.devnull,
    }


def settings_in(work: Path, folder: Path) -> dict[str, str]:
    """The environment of commands in a clone: its own code, and nothing of DVC's outside of `work`."""
    scratch = work / "scratch"
    names = ("DVC_SITE_CACHE_DIR", "DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR")
    dvc = {name: str(scratch / name.lower()) for name in names}
    return user_settings(scratch) | dvc | {"PYTHONPATH": str(folder), "TRACES_WORKERS": str(PROCESSES)}


def clone(folder: Path) -> None:
    """Clone the repository.

    Raises:
        TracesError: it cannot be cloned; with what Git said.
    """
    git("clone", "--quiet", str(ROOT), str(folder.absolute()))
