"""The build, end to end and stage by stage, beside what a user would write instead."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench, Built, measure_stages, say
from benchmarks.cache import cached
from benchmarks.floor import Floor, measure_floor
from benchmarks.measure import ROOT, Measurement, measure
from benchmarks.ours import user_settings
from benchmarks.same import require_same

CONTENDERS = {"huggingface": "Hugging Face datasets and jsonschema", "plain": "the plain script"}
OURS = "dvc repro to validate, tunix_sft"


@dataclass(frozen=True)
class Full:
    """Measurements by name; `stages` in their order, `gate` the last of them without a memo."""

    records: int
    ours: Built
    stages: dict[str, Measurement]
    gate: Measurement
    contenders: dict[str, Measurement]
    floor: Floor

    @property
    def rest(self) -> Measurement:
        """The build without its stages: DVC itself. Below 0 where that is less than how much runs differ."""
        return self.ours.build.without(self.stages.values())


def run(bench: Bench) -> Full:
    """Measure all of them on one store; they must have made the same records."""
    ours = bench.built
    folders = {OURS: ours.workspace.folder / "data/export/tunix_sft"}
    contenders: dict[str, Measurement] = {}
    for name, title in CONTENDERS.items():
        say(f"{title}, {bench.rows:,} traces")
        folders[title] = bench.work / name
        folders[title].mkdir()
        contenders[title] = contend(bench, name, folders[title])
    say("comparing the records")
    records = require_same(folders)
    for title in contenders:
        shutil.rmtree(folders[title])
    stages = measure_stages(ours.workspace)
    say("validate without the memo")
    gate = ours.workspace.stage("validate", memo="off")
    ours.workspace.build()  # unmeasured: DVC looks at the files that the stages have written again
    say("measuring the floor")
    hashed = sum(cached(ours.workspace.folder).values())
    floor = measure_floor(bench.work, bench.store(bench.rows), ours.build.written, hashed)
    return Full(records, ours, stages, gate, contenders, floor)


def contend(bench: Bench, name: str, folder: Path) -> Measurement:
    """Run a contender on the store, its caches in a folder that is removed."""
    scratch = bench.work / f"{name}.scratch"
    settings = user_settings(scratch) | {
        "PYTHONPATH": str(ROOT),
        "HF_HOME": str(scratch / "huggingface"),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
    }
    command = ("python", "-m", f"benchmarks.contenders.{name}", bench.store(bench.rows), str(folder))
    took = measure(command, scratch, settings, bench.server)
    shutil.rmtree(scratch)
    return took
