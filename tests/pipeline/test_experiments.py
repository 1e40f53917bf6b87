"""Experiments with real DVC: in the workspace and in a temporary one. tests/test_docs.py runs a queue of them."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.support.docs import blocks
from tests.support.shell import ROOT, Done, commit, run


def manifest_of(folder: Path, experiment: str) -> dict[str, object]:
    """The manifest that an experiment made: DVC keeps its commit under refs/exps/."""
    refs = run(folder, "git", "for-each-ref", "--format=%(refname)", "refs/exps").out.split()
    (ref,) = (ref for ref in refs if ref.endswith(f"/{experiment}"))
    held: dict[str, object] = json.loads(run(folder, "git", "show", f"{ref}:data/manifest.json").out)
    return held


def test_an_experiment_in_the_workspace_and_one_in_a_temporary_folder_agree(repository: Path) -> None:
    first = json.loads((repository / "data/manifest.json").read_text())
    run(repository, "dvc", "exp", "run", "--name", "here", "-S", "filters.game=high_card_duel")
    here = json.loads((repository / "data/manifest.json").read_text())
    assert here["filters"] == {"source": "ungar", "game": "high_card_duel"}
    assert here["stats"]["games"] == {"high_card_duel": 700}
    assert here["dataset_id"] != first["dataset_id"]

    run(repository, "git", "checkout", "-q", ".")
    run(repository, "dvc", "exp", "run", "--temp", "validate", "--name", "there", "-S", "filters.game=high_card_duel")
    assert manifest_of(repository, "there") == manifest_of(repository, "here") == here


def test_a_filter_may_be_added_for_a_key_that_traces_have(repository: Path) -> None:
    run(repository, "dvc", "exp", "run", "validate", "-S", "+filters.result=win", "-S", "split.test=0")
    held = json.loads((repository / "data/manifest.json").read_text())
    assert held["filters"] == {"source": "ungar", "game": None, "result": "win"}
    assert 0 < held["counts"]["selected"] < 2338
    assert held["splits"]["test"] == 0


def refused(folder: Path, *settings: str) -> Done:
    done = run(folder, "dvc", "exp", "run", "validate", *settings, code=None)
    assert done.code != 0
    assert "Traceback" not in done.text
    return done


def test_a_slip_in_a_filter_s_name_fails_with_a_clear_line(repository: Path) -> None:
    assert "filters.gaem" in refused(repository, "-S", "filters.gaem=x").text
    run(repository, "git", "checkout", "-q", ".")
    line = "select: params.yaml: filters.gaem: no trace has this metadata key; there are "
    assert line in refused(repository, "-S", "+filters.gaem=x").text


def test_text_that_looks_like_a_number_needs_quotes_of_its_own(repository: Path) -> None:
    """As docs/experiments.md and the error have it, also after a first try that left the number in params.yaml."""
    done = refused(repository, "-S", "+filters.trace_version=1.0")
    assert "filters.trace_version: 1.0 matches none of 2338 traces" in done.text
    (remedy,) = re.findall(r"needs quotes: -S '(.+?)'", done.text)
    for setting in (remedy, '+filters.trace_version="1.0"'):
        run(repository, "dvc", "exp", "run", "-q", "validate", "-S", setting)
        held = json.loads((repository / "data/manifest.json").read_text())
        assert (held["filters"]["trace_version"], held["counts"]["selected"]) == ("1.0", 2338)
        run(repository, "git", "checkout", "-q", ".")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stage that copies a file which DVC keeps, and fails if the param `code` is not 0. Not to be changed."""
    folder = tmp_path_factory.mktemp("toy") / "toy"
    folder.mkdir()
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, "dvc", "init", "-q")
    (folder / "dvc.yaml").write_text(
        "stages:\n  copy:\n    cmd: test ${code} = 0 && cp data out\n"
        "    deps: [data]\n    params: [code]\n    outs: [out]\n"
    )
    (folder / "params.yaml").write_text("code: 0\n")
    (folder / "data").write_text("first\n")
    run(folder, "dvc", "add", "-q", "data")
    run(folder, "dvc", "remote", "add", "-q", "-d", "store", str(folder.parent / "store"))
    run(folder, "dvc", "repro", "-q")
    commit(folder, "start")
    return folder


def test_dvc_ends_with_0_although_an_experiment_of_the_queue_failed(toy: Path, tmp_path: Path) -> None:
    """And the command of docs/experiments.md finds it."""
    folder = Path(shutil.copytree(toy, tmp_path / "toy", symlinks=True))
    (script,) = (block.text for block in blocks(ROOT / "docs/experiments.md") if "grep -w Failed" in block.text)
    run(folder, "bash", "-euo", "pipefail", "-c", script)
    assert run(folder, "dvc", "exp", "run", "-q", "-S", "code=1", code=None).code != 0  # one alone says so
    run(folder, "git", "checkout", "-q", ".")
    run(folder, "dvc", "exp", "run", "-q", "--queue", "--name", "fails", "-S", "code=2")
    run(folder, "dvc", "exp", "run", "--run-all", code=0)
    said = run(folder, "bash", "-euo", "pipefail", "-c", f"{script}\necho went on", code=1).out
    assert said.split()[1] == "fails"
    assert "went on" not in said  # a script that stops at the first error stops here


GC = (
    "-w", "-a", "-T", "-A", "--all-experiments", "-w --all-experiments", "-A --all-experiments",
    "-w -a -T -A --all-experiments --cloud",
)  # fmt: skip


def test_dvc_gc_takes_what_an_experiment_in_the_queue_needs(toy: Path, tmp_path: Path) -> None:
    """The docs tell to empty the queue first. If this fails, DVC has learnt to keep it, and they need not."""
    folder = Path(shutil.copytree(toy, tmp_path / "toy", symlinks=True))
    (folder / "data").write_text("second\n")
    run(folder, "dvc", "commit", "-q", "-f", "data.dvc")
    run(folder, "dvc", "push", "-q", "data.dvc")
    run(folder, "dvc", "exp", "run", "-q", "--queue", "--name", "waits")
    run(folder, "git", "checkout", "-q", ".")
    md5 = hashlib.md5(b"second\n", usedforsecurity=False).hexdigest()
    places = (folder / ".dvc/cache", toy.parent / "store")
    here, there = (place / "files/md5" / md5[:2] / md5[2:] for place in places)
    for options in GC:
        assert [here.read_bytes(), there.read_bytes()] == [b"second\n"] * 2
        run(folder, "dvc", "gc", "-f", *options.split())
        assert (here.exists(), there.exists()) == (False, "--cloud" not in options), options
        here.parent.mkdir(exist_ok=True)
        here.write_bytes(b"second\n")
