"""A small dataset under real DVC, what an undisturbed run makes of it, and whether a disturbed one came to the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from ruamel.yaml import YAML

from stages.addresses.lock import hash_path
from tests.support.samples import row, write_jsonl
from tests.support.shell import ROOT, Done, commit, copy_repository, forget_code, run

STAGES = ("extract_traces", "select", "render", "export", "manifest", "card", "validate")
ROWS = 60
PARTITION_ROWS = 16
STOP = str(ROOT / "tests/faults/stop")


@dataclass(frozen=True)
class Project:
    """A repository with a built dataset, everything committed.

    `moments` are each stage's, from when it had its code and its turn.
    """

    folder: Path
    moments: dict[str, range]
    settings: dict[str, str] = field(default_factory=dict)
    record: Callable[[str, object], None] = lambda *_: None

    def run(self, *command: str, code: int | None = 0, **settings: str) -> Done:
        """Run a command in it."""
        return run(self.folder, *command, code=code, **self.settings | settings)

    def tries(self, kind: str) -> None:
        """A fault of this kind comes now: it is counted as survived where the test passes."""
        self.record("fault", kind)

    def outputs(self, stage: str) -> dict[str, str]:
        """The md5 of each output of a stage as an undisturbed run makes it, by its path."""
        entry = YAML(typ="safe").load(self._committed("dvc.lock"))["stages"][stage]
        return {out["path"]: out["md5"] for out in entry["outs"]}

    def half_written(self, stage: str) -> list[str]:
        """The stage's outputs that are there, and not what an undisturbed run makes."""
        found = {path: (hash_path(self.folder / path), md5) for path, md5 in self.outputs(stage).items()}
        return [path for path, (held, md5) in found.items() if held is not None and held.md5 != md5]

    def left_behind(self) -> list[Path]:
        """What lies aside in data/, in reports/ and where the embedded store is made."""
        places = ("data", "data/export", "reports", "../tmp")
        return [path for place in places for path in (self.folder / place).glob(".*.tmp")]

    def recover(self, *target: str, **settings: str) -> Done:
        """A plain `dvc repro` makes what an undisturbed run makes, and nothing else has changed."""
        done = self.run("dvc", "repro", *(target or ("validate",)), **settings)
        lost = set(self._committed_ids()) - set(self.ids())
        self.record("lost", len(lost))
        assert not lost
        assert (self.folder / "dvc.lock").read_text() == self._committed("dvc.lock")
        assert self.run("git", "status", "--porcelain").out == ""
        return done

    def ids(self) -> list[str]:
        """The traces in the dataset, of each shard in `data/export/tunix_sft/`."""
        shards = sorted((self.folder / "data/export/tunix_sft").iterdir())
        return [json.loads(line)["id"] for shard in shards for line in shard.read_text().splitlines()]

    def _committed_ids(self) -> list[str]:
        return json.loads((self.folder.parent / "ids.json").read_text())

    def _committed(self, path: str) -> str:
        return self.run("git", "show", f"HEAD:{path}").out

    def copy(self, target: Path, record: Callable[[str, object], None] = lambda *_: None) -> Project:
        """The same in a folder of its own, to be disturbed."""
        shutil.copytree(self.folder, target / "project", symlinks=True)
        shutil.copy(self.folder.parent / "ids.json", target)
        (target / "tmp").mkdir()
        return replace(
            self, folder=target / "project", record=record, settings=self.settings | {"TMPDIR": str(target / "tmp")}
        )


def build(folder: Path) -> Project:
    """A project built in `folder`, its rows in a recording."""
    project = folder / "project"
    copy_repository(project)
    forget_code(project)
    for path in (project / "data/recorded").iterdir():
        path.unlink()
    write_jsonl(project / "data/recorded/rows.jsonl.gz", map(row, range(ROWS)))
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("partition_rows: 20480", f"partition_rows: {PARTITION_ROWS}"))
    return pin_and_build(Project(project, {}))


def pin_and_build(project: Project) -> Project:
    """The project with its store pinned as it is, built and committed."""
    told = project.folder.parent / "moments"
    told.mkdir()
    project.run("traces", "pin", "--settle", "0")
    project.run("dvc", "repro", "validate", PYTHONPATH=STOP, STOP_TOLD=str(told), TRACES_WORKERS="1")
    commit(project.folder, "built")
    (project.folder.parent / "ids.json").write_text(json.dumps(project.ids()))
    counts = {path.name: path.read_text().split() for path in told.iterdir()}
    # The first after the code is the lock that a stage takes before all else.
    return replace(
        project, moments={stage: range(int(code) + 2, int(last) + 1) for stage, (code, last) in counts.items()}
    )


def circumstances(rng: Random, project: Project) -> dict[str, str]:
    """One of the ways in which a stage may run; the run-cache is there or not."""
    if rng.random() < 0.5:
        shutil.rmtree(project.folder / ".dvc/cache/runs")
    return {"TRACES_WORKERS": rng.choice(["1", "2"]), "TRACES_MEMO": rng.choice(["on", "off"])}
