"""What CI runs: the gate on every push and pull request, blocking; tests and the smoke run by hand and each night."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.shell import ROOT, commit, replace, run

WORKFLOW, PULL_REQUEST = (
    YAML(typ="safe").load((ROOT / f".github/workflows/{name}.yml").read_text()) for name in ("ci", "pull-request")
)


def test_the_gate_blocks_every_push_and_what_runs_each_night_none() -> None:
    assert set(WORKFLOW["on"]) == {"push", "workflow_dispatch", "schedule"}
    gate, *nightly = (WORKFLOW["jobs"][name] for name in ("gate", "check", "soak"))
    assert "if" not in gate
    assert not gate.get("continue-on-error")
    assert [step["run"] for step in gate["steps"] if "run" in step] == ["make gate"]
    assert "needs" not in gate
    for job, runs in zip(nightly, ("bash .ci/run", "make soak"), strict=True):
        assert job["continue-on-error"]
        assert "schedule" in job["if"]
        assert "push" not in job["if"]
        assert job["steps"][-1]["run"] == runs


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


def test_the_gate_compares_with_the_commit_and_asks_no_remote_of_a_person(built: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "--quiet", str(built), str(clone))
    run(clone, "dvc", "cache", "dir", "--local", str(built / ".dvc/cache"))
    run(clone, "dvc", "config", "--local", "core.autostage", "true")
    (tmp_path / "dvc").mkdir()
    (tmp_path / "dvc/config").write_text("[core]\n    remote = mine\n['remote \"mine\"']\n    url = /nowhere\n")
    with (clone / "stages/validate.py").open("a") as code:
        code.write("# A word.\n")
    with (clone / "reports/validation.json").open("a") as made:
        made.write(" ")
    (clone / "notes.txt").write_text("of the person who runs it")
    commit(clone, "code changed, dvc.lock not made anew")
    (clone / "more.txt").write_text("no part of the commit")
    done = run(clone, ".ci/gate", code=1, DVC_GLOBAL_CONFIG_DIR=str(tmp_path / "dvc"))
    assert done.out.endswith("what it changes:\nchanged dvc.lock\nchanged reports/validation.json\n")
    assert "dvc.lock" in run(clone, "git", "diff", "--cached", "--name-only").out  # where `git diff` finds nothing
    (clone / "more.txt").unlink()
    commit(clone, "dvc.lock made anew")
    run(clone, ".ci/gate", DVC_GLOBAL_CONFIG_DIR=str(tmp_path / "dvc"))


def test_a_pull_request_is_gated_and_only_the_comment_may_be_left_out() -> None:
    # Not pull_request_target, which gives the secrets to anybody's code.
    assert set(PULL_REQUEST["on"]) == {"pull_request"}
    assert PULL_REQUEST["permissions"] == {"contents": "read", "pull-requests": "write"}
    (job,) = PULL_REQUEST["jobs"].values()
    assert not job.get("continue-on-error")
    checkout, _, gate, summary, comment = job["steps"]
    assert checkout["with"] == {"fetch-depth": 0}
    assert gate["run"] == "make pull-request"
    assert "if" not in gate
    assert [step for step in job["steps"] if "if" in step] == [comment]
    assert "secrets." not in str([checkout, summary, comment])
    assert "${{" not in gate["run"] + summary["run"] + comment["run"]  # a branch's name would run as a command


@pytest.fixture
def request_clone(two_branches: Path, tmp_path: Path) -> Path:
    """A clone without cache on the branch `other`, as CI has it; both branches and what they began with are pushed."""
    source = shutil.copytree(two_branches, tmp_path / "source", symlinks=True)
    run(source, "dvc", "remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    run(source, "dvc", "push", "-q", "--all-commits")
    run(source, "git", "checkout", "-q", "other")
    run(source, "git", "clone", "-q", ".", str(tmp_path / "clone"))
    shutil.copy(source / ".dvc/config.local", tmp_path / "clone/.dvc/config.local")
    return tmp_path / "clone"


def test_a_pull_request_says_what_it_changes_since_it_branched_off(request_clone: Path, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    report = "../dataset.md"
    done = run(request_clone, ".ci/pull-request", "origin/main", report, TMPDIR=str(tmp_path / "scratch"))
    assert done.out.count("Running stage") == done.out.count("Running stage 'validate'") == 1
    said = (tmp_path / "dataset.md").read_text()
    assert "- `selection.min_characters: null -> 20`" in said
    assert "- `data/recorded: other recordings`" in said
    assert "system" not in said  # that is the other branch's
    assert "| trace | all |  |  | 20 | 0 | 0 | 200 |" in said
    assert list((tmp_path / "scratch").iterdir()) == []
    assert run(request_clone, "git", "status", "--porcelain").out == ""


@pytest.mark.parametrize(
    ("base", "says"),
    [
        ("nosuch", "BASE nosuch: no commit, branch or tag in {}; `git fetch` brings a remote's"),
        ("", "BASE : no commit, branch or tag in {}; `git fetch` brings a remote's"),
        ("alone", "BASE alone: has no commit in common with HEAD; `git fetch --unshallow`, or name another"),
    ],
)
def test_a_base_that_is_none_is_one_line(tmp_path: Path, base: str, says: str) -> None:
    folder = tmp_path / "project"
    (folder / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci/pull-request", folder / ".ci")
    run(folder, "git", "init", "-q", "-b", "alone")
    commit(folder, "alone")
    run(folder, "git", "checkout", "-q", "--orphan", "main")
    commit(folder, "one")
    done = run(folder, ".ci/pull-request", base, "../reports/dataset.md", code=2)
    assert done.text == f".ci/pull-request: {says.format(folder)}\n"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_pull_request_whose_lock_is_not_its_own_is_refused(request_clone: Path, tmp_path: Path) -> None:
    replace(request_clone / "params.yaml", "min_characters: 20", "min_characters: 21")
    commit(request_clone, "without dvc repro")
    done = run(request_clone, ".ci/pull-request", "origin/main", "../dataset.md", code=1)
    assert "failed to reproduce 'select'" in done.out
    assert done.out.endswith("dvc.lock is not what this commit makes: run `make repro` and commit what it changes\n")
    assert not (tmp_path / "dataset.md").exists()
    assert not (request_clone / "data/export/trace").exists()  # nothing was fetched for it
