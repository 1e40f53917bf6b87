"""Experiments with real DVC: in the workspace and in a temporary one. tests/test_docs.py runs a queue of them."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from stages.yaml_file import read_yaml
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


def test_a_number_that_s_sets_matches_text_that_spells_it(repository: Path) -> None:
    """As docs/experiments.md has it: DVC makes a number of 1.0, and the trace's version is a text."""
    for setting in ("+filters.trace_version=1.0", '+filters.trace_version="1.0"'):
        run(repository, "dvc", "exp", "run", "-q", "select", "-S", setting)
        assert json.loads((repository / "data/selection/counts.json").read_text())["selected"] == 2338
        run(repository, "git", "checkout", "-q", ".")
    says = (
        "filters.trace_version: '1' matches none of 2338 traces; text matches text, a number also text that spells it"
    )
    assert says in refused(repository, "-S", '+filters.trace_version="1"').text


def test_a_date_that_s_sets_includes_its_day_and_the_gate_agrees(repository: Path) -> None:
    times = [
        json.loads(line)["created_at"]
        for path in (repository / "data/recorded").glob("*.jsonl.gz")
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    day = sorted(times)[len(times) // 2][:10]
    expected = sum(time[:10] <= day for time in times)
    assert 0 < sum(time <= day for time in times) < expected < len(times)
    run(repository, "dvc", "exp", "run", "validate", "-S", f"+filters.created_at.max={day}")
    held = json.loads((repository / "data/manifest.json").read_text())
    assert held["filters"]["created_at"] == {"max": day}
    assert held["counts"]["selected"] == expected
    assert f": {expected:,} reasoning traces" in (repository / "data/export/README.md").read_text()
    assert json.loads((repository / "reports/validation.json").read_text())["valid"]


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


TIMES = (
    "2026-01-31",
    "2026-01-31T12:00:00",
    "2026-01-31 12:00:00",
    "2026-01-31T12:00:00Z",
    "2026-01-31T12:00:00+02:00",
)


@pytest.mark.parametrize("time", TIMES)
def test_dvc_refuses_a_time_without_quotes_and_takes_one_in_quotes(toy: Path, tmp_path: Path, time: str) -> None:
    """The docs quote what DVC says. If this fails, DVC may have learnt to take it, and the docs change."""
    folder = Path(shutil.copytree(toy, tmp_path / "toy", symlinks=True))
    (folder / "params.yaml").write_text(f"code: 0\nfilters:\n  created_at: {{max: {time}}}\n")
    kind = "date" if len(time) == 10 else "datetime"
    says = f"Unsupported value of type '{kind}' in 'params.yaml:filters.created_at.max'"
    for command in (("repro",), ("exp", "run", "-S", "code=0")):
        done = run(folder, "dvc", *command, code=None)
        assert done.code != 0
        assert says in done.text
        assert "Traceback" not in done.text
    (folder / "params.yaml").write_text(f'code: 0\nfilters:\n  created_at: {{max: "{time}"}}\n')
    run(folder, "dvc", "repro", "-q")


def test_a_time_that_s_sets_is_text(toy: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(toy, tmp_path / "toy", symlinks=True))
    settings = [part for n, time in enumerate(TIMES) for part in ("-S", f"+filters.at{n}.max={time}")]
    settings += ["-S", "+filters.inline={min: 2026-01-31, max: '2026-02-01'}", "-S", '+filters.quoted.max="2026-01-31"']
    run(folder, "dvc", "exp", "run", "-q", *settings)
    held = read_yaml(folder / "params.yaml")["filters"]
    assert [held[f"at{n}"]["max"] for n in range(len(TIMES))] == list(TIMES)
    assert held["inline"] == {"min": "2026-01-31", "max": "2026-02-01"}
    assert held["quoted"] == {"max": "2026-01-31"}


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
