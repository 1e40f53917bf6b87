"""What CI runs: the gate on every push, blocking; tests and the smoke run by hand and each night."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml import YAML

from tests.support.shell import ROOT, commit, run

WORKFLOW = YAML(typ="safe").load((ROOT / ".github/workflows/ci.yml").read_text())


def test_the_gate_blocks_every_push_and_the_smoke_run_none() -> None:
    assert {"push", "pull_request", "workflow_dispatch", "schedule"} <= set(WORKFLOW["on"])
    gate, smoke = WORKFLOW["jobs"]["gate"], WORKFLOW["jobs"]["smoke"]
    assert "if" not in gate
    assert not gate.get("continue-on-error")
    assert [step["run"] for step in gate["steps"] if "run" in step] == ["make gate"]
    assert "needs" not in gate
    assert smoke["continue-on-error"]
    assert "schedule" in smoke["if"]
    assert "push" not in smoke["if"]


def test_the_gate_runs_on_a_clone_with_a_remote_and_without(built: Path, repository: Path, tmp_path: Path) -> None:
    run(repository, "dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    commit(repository, "a remote")
    run(repository, "dvc", "push")
    for source in (repository, built):
        clone = tmp_path / f"clone of {source.parent.name}"
        run(tmp_path, "git", "clone", "--quiet", str(source), str(clone))
        done = run(clone, ".ci/gate")
        assert "Running stage 'validate'" in done.out
        # With a remote nothing is made anew: what is stored is what is checked.
        assert ("Running stage 'render'" in done.out) == (source == built)
        assert "smoke_train" not in done.text


def test_the_gate_refuses_a_dataset_that_is_not_what_its_commit_says(repository: Path, tmp_path: Path) -> None:
    shard = min((repository / "data/export/tunix_sft").glob("train-*"))
    text = shard.read_text()
    shard.unlink()
    shard.write_text(text.replace("Answer: reveal", "Answer: fold", 1))
    run(repository, "dvc", "commit", "--force", "export")
    run(repository, "dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    commit(repository, "a forged export")
    run(repository, "dvc", "push")
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "--quiet", str(repository), str(clone))
    done = run(clone, ".ci/gate", code=None)
    assert done.code != 0
    assert "faults, named above and in reports/validation.json" in done.text
