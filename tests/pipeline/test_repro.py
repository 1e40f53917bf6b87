"""The dataset as a newcomer makes it: a clone, `dvc repro`, and nothing has changed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.shell import ON_PATH, commit, run


def test_the_committed_lock_is_the_one_that_repro_makes(built: Path) -> None:
    assert run(built, "git", "status", "--porcelain").out == ""
    assert "up to date" in run(built, "dvc", "status").out


# Each differs from the test machine in all that must not matter.
PLACES = [
    {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "7", "TRACES_WORKERS": "1"},
    {"TZ": "America/St_Johns", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "0", "TRACES_WORKERS": "4", "PYTHONUTF8": "0"},
]


@pytest.mark.parametrize(("settings", "umask"), [(PLACES[0], 0o077), (PLACES[1], 0o002)])
def test_a_clone_without_cache_makes_the_same_lock_anywhere(
    built: Path, tmp_path: Path, settings: dict[str, str], umask: int
) -> None:
    run(tmp_path, "git", "clone", "-q", str(built), "clone")
    before = os.umask(umask)
    try:
        run(tmp_path / "clone", "dvc", "repro", **settings)
    finally:
        os.umask(before)
    assert run(tmp_path / "clone", "git", "status", "--porcelain").out == ""
    assert run(tmp_path / "clone", "dvc", "status", "--quiet").code == 0


def test_make_repro_runs_every_stage_of_a_fresh_clone_and_then_none(built: Path, tmp_path: Path) -> None:
    run(tmp_path, "git", "clone", "-q", str(built), "clone")
    clone = tmp_path / "clone"
    stages = list(YAML(typ="safe").load((clone / "dvc.yaml").read_text())["stages"])
    first, second = (run(clone, "make", "repro", **ON_PATH).out for _ in range(2))
    assert [stage for stage in stages if f"Running stage '{stage}'" in first] == stages
    assert "step  10 of 10  loss " in first
    assert "Running stage" not in second
    assert run(clone, "git", "status", "--porcelain").out == ""


def test_a_second_repro_runs_nothing(repository: Path) -> None:
    done = run(repository, "dvc", "repro")
    assert "Running stage" not in done.out
    assert "up to date" in done.out


def test_python_s_own_cache_does_not_make_a_stage_look_changed(repository: Path) -> None:
    run(repository, "python", "-c", "import stages.validate, commands.app")
    assert list((repository / "stages").glob("__pycache__/*.pyc"))
    run(repository, "dvc", "status", "--quiet")


def test_a_run_undone_comes_back_from_the_run_cache(repository: Path) -> None:
    for name in ("traces", "quarantine", "selection", "rendered", "export/trace", "export/tunix_sft"):
        shutil.rmtree(repository / "data" / name)
    done = run(repository, "dvc", "repro")
    assert "Running stage 'extract_traces'" not in done.out
    assert run(repository, "git", "status", "--porcelain").out == ""


def test_repro_validate_stops_at_the_gate_and_the_gate_is_last(repository: Path) -> None:
    stages = list(YAML(typ="safe").load((repository / "dvc.yaml").read_text())["stages"])
    planned = run(repository, "dvc", "repro", "--dry", "--force", "validate").out
    assert [name for name in stages if f"stage '{name}'" in planned] == stages[: stages.index("validate") + 1]


def test_a_changed_template_renders_again_but_reads_no_store(repository: Path) -> None:
    params = (repository / "params.yaml").read_text()
    (repository / "params.yaml").write_text(params.replace("system: null", "system: Think first."))
    done = run(repository, "dvc", "repro", "validate")
    assert "Running stage 'extract_traces'" not in done.out
    assert "Running stage 'select'" not in done.out
    assert "Running stage 'render'" in done.out
    assert json.loads((repository / "data/manifest.json").read_text())["system"] == "Think first."
    line = next((repository / "data/export/tunix_sft").glob("train-*.jsonl")).read_text().splitlines()[0]
    assert json.loads(line)["prompts"].startswith("<start_of_turn>user\nThink first.\n\n")


def listed(repository: Path) -> list[str]:
    """The ids of the dataset's traces, in order."""
    return [i for path in sorted((repository / "data/trace_ids").iterdir()) for i in path.read_text().split()]


def test_an_excluded_trace_is_in_no_new_version(repository: Path) -> None:
    before = listed(repository)
    victim = before[7]
    with (repository / "data/exclusions.csv").open("a") as file:
        file.write(f"{victim},asked for by its author,2026-11-20\n")
    run(repository, "dvc", "repro", "validate")
    assert listed(repository) == [i for i in before if i != victim]
    manifest = json.loads((repository / "data/manifest.json").read_text())
    assert (manifest["exclusions"], manifest["counts"]["excluded"]) == (1, 1)
    assert not [p for p in (repository / "data/export").rglob("*.jsonl") if victim in p.read_text()]


def test_a_stage_that_fails_leaves_no_output_of_its_own(repository: Path) -> None:
    params = (repository / "params.yaml").read_text()
    (repository / "params.yaml").write_text(params.replace("game: null", "game: chess"))
    commit(repository, "a game that there is not")
    done = run(repository, "dvc", "repro", code=None)
    assert done.code != 0
    assert "select: params.yaml: filters.game: 'chess' matches none of 2338 traces" in done.text
    assert not (repository / "data/selection").exists()
    assert not list((repository / "data").glob(".*.tmp"))
    (repository / "params.yaml").write_text(params)
    run(repository, "dvc", "repro")
    assert run(repository, "git", "diff", "--stat", "HEAD~1").out == ""
