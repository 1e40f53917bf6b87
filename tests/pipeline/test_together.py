"""Two people's branches, merged by Git and settled by making anew. tests/test_docs.py runs the page's own commands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from commands.verification.pipeline import uncached
from stages.yaml_file import read_yaml
from tests.support.samples import trace_id
from tests.support.shell import ON_PATH, ROOT, Done, commit, run

LOCKS = ["dvc.lock", "training/rl/dvc.lock"]
REFUSED = "make: in conflict, as named above; docs/together.md says how to settle it\n"
MADE = ["data/manifest.json", "data/snapshot.json", "data/export/README.md", "dvc.lock"]


@pytest.fixture
def branches(two_branches: Path, tmp_path: Path) -> Path:
    return shutil.copytree(two_branches, tmp_path / "project", symlinks=True)


def merged(folder: Path, into: str, other: str) -> Path:
    """Merge, and settle as docs/together.md says."""
    run(folder, "git", "checkout", "-q", into)
    run(folder, "dvc", "checkout", "-q")
    run(folder, "git", "merge", "-q", other, code=1)
    run(folder, "traces", "pin")
    run(folder, "dvc", "repro", "--force-downstream")
    commit(folder, f"Merge {other}")
    return folder


def test_whatever_git_keeps_of_what_is_made_is_marked_so() -> None:
    made = [
        *LOCKS,
        *uncached(read_yaml(ROOT / "dvc.yaml")["stages"]),
        *uncached(read_yaml(ROOT / "training/rl/dvc.yaml")["stages"]),
    ]
    said = run(ROOT, "git", "check-attr", "made", "merge", "--", *made).out.splitlines()
    assert [line for line in said if not line.endswith((": made: set", ": merge: unset"))] == []


def test_whichever_is_merged_into_which_the_dataset_is_the_same(two_branches: Path, tmp_path: Path) -> None:
    folders = [shutil.copytree(two_branches, tmp_path / name, symlinks=True) for name in ("one", "two")]
    one, two = (merged(*merge) for merge in zip(folders, ("main", "other"), ("other", "main"), strict=True))
    assert run(one, "git", "rev-parse", "HEAD^{tree}").out == run(two, "git", "rev-parse", "HEAD^{tree}").out
    run(one, "dvc", "status", "--quiet", "validate")
    manifest = json.loads((one / "data/manifest.json").read_text())
    assert (manifest["counts"]["read"], manifest["system"], manifest["selection"]["min_characters"]) == (
        240,
        "Think.",
        20,
    )


def test_what_is_made_is_in_conflict_and_whole_and_what_is_written_is_merged(branches: Path) -> None:
    for branch, number in (("main", 300), ("other", 301)):
        run(branches, "git", "checkout", "-q", branch)
        with (branches / "data/exclusions.csv").open("a") as listed:
            listed.write(f"{trace_id(number)},of {branch},2026-11-20\n")
        commit(branches, "a takedown")
    before = {path: (branches / path).read_bytes() for path in MADE}
    run(branches, "git", "merge", "-q", "main", code=1)
    conflicts = run(branches, "git", "diff", "--name-only", "--diff-filter=U").out.splitlines()
    assert set(MADE) < set(conflicts)
    assert all(path in MADE or path.startswith(("reports/", "data/export/")) for path in conflicts)
    assert {path: (branches / path).read_bytes() for path in MADE} == before
    listed = (branches / "data/exclusions.csv").read_text().splitlines()[1:]
    assert sorted(line.partition(",")[2] for line in listed) == ["of main,2026-11-20", "of other,2026-11-20"]

    # Whoever forgets to pin is told so: by make, and by the stage itself, for theirs has older traces.
    assert make_repro(branches).out == f"data/snapshot.json\n{REFUSED}"
    done = run(branches, "dvc", "repro", code=None)
    assert "not what data/snapshot.json pins" in done.err
    assert "`traces pin`" in done.err


@pytest.mark.parametrize("path", ["dvc.lock", "params.yaml"])
def test_conflict_markers_are_one_line_and_nothing_runs(two_branches: Path, tmp_path: Path, path: str) -> None:
    run(two_branches, "git", "clone", "-q", ".", str(tmp_path / "clone"))
    marked = tmp_path / "clone" / path
    marked.write_text(f"<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> other\n{marked.read_text()}")
    assert make_repro(tmp_path / "clone").out == f"{path}\n{REFUSED}"


def make_repro(folder: Path) -> Done:
    """`make repro`, that has to fail."""
    return run(folder, "make", "repro", code=2, **ON_PATH)
