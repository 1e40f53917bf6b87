"""Experiments with real DVC: in the workspace and in a temporary one. tests/test_docs.py runs a queue of them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.shell import Done, run


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
