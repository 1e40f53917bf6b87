"""A real DVC and this project see the same files in a folder: what one excludes does not stop the other."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.shell import run

FOLDERS = (
    "data/recorded", "data/evalsets", "data/traces", "data/selection", "data/scores", "data/pairs", "data/trace_ids",
    "data/export/trace", "data/export/parquet", "schemas",
)  # fmt: skip

WRITTEN = ("dvc.lock", "data/manifest.json", "reports/validation.json")


def test_files_that_dvcignore_excludes_change_nothing(repository: Path) -> None:
    with (repository / ".dvcignore").open("a") as file:
        file.write("*.bak\n/data/recorded/private/\n")
    for folder in FOLDERS:
        for name in (".DS_Store", "._copy.jsonl", "._copy.parquet", "old.bak", "__pycache__/x.pyc"):
            path = repository / folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("x")
    (repository / "data/recorded/private").mkdir()
    (repository / "data/recorded/private/rows.jsonl.gz").write_text("x")
    assert json.loads(run(repository, "dvc", "status", "--json").out) == {}
    before = [(repository / name).read_bytes() for name in WRITTEN]
    run(repository, "dvc", "repro", "-f", "-s", "extract_traces", "manifest", "validate", TRACES_MEMO="off")
    assert json.loads(run(repository, "dvc", "status", "--json").out) == {}
    assert [(repository / name).read_bytes() for name in WRITTEN] == before


def test_a_file_that_is_too_many_is_named_until_it_is_excluded(repository: Path) -> None:
    for folder, stage in (("data/recorded", "extract_traces"), ("data/evalsets", "select")):
        (repository / folder / "backup.old").write_text("x")
        said = run(repository, "dvc", "repro", "validate", code=None).text
        (line,) = [line for line in said.splitlines() if "backup.old" in line]
        assert line.startswith(f"{stage}: {folder}/backup.old: no ")
        assert line.endswith("; move or remove it, or add its name to .dvcignore")
        with (repository / ".dvcignore").open("a") as file:
            file.write(f"/{folder}/backup.old\n")
    run(repository, "git", "checkout", "-q", "data", "reports")
    run(repository, "dvc", "checkout", "-q")
    run(repository, "dvc", "repro", "validate")
    assert json.loads(run(repository, "dvc", "status", "--json", "validate").out) == {}
