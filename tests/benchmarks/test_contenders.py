"""The contenders make the records that the pipeline makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.contenders.validation import faults, validate
from benchmarks.database import append, count_rows, load
from benchmarks.same import require_same
from tests.support.shell import ROOT, run

ROWS = 300


def test_they_make_the_same_records_as_the_pipeline(
    workspace: Path, database: Callable[[str], str], tmp_path: Path
) -> None:
    url = database("")
    load(url, ROWS)
    assert count_rows(url) == ROWS
    params = (workspace / "params.yaml").read_text()
    (workspace / "params.yaml").write_text(params.replace("source: ungar", "source: null"))
    run(workspace, "traces", "pin", "--settle", "0", TRACES_DATABASE_URL=url)
    for stage in ("extract_traces", "select", "render", "export"):
        run(workspace, "python", "-m", f"stages.{stage}", TRACES_DATABASE_URL=url, PYTHONPATH=str(ROOT))
    folders = {"ours": workspace / "data/export/tunix_sft"}
    settings = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    for name in ("huggingface", "plain"):
        folders[name] = tmp_path / name
        folders[name].mkdir()
        run(ROOT, "python", "-m", f"benchmarks.contenders.{name}", url, str(folders[name]), **settings)
    assert require_same(folders) == ROWS


def test_traces_are_added_after_those_that_are_there(database: Callable[[str], str]) -> None:
    url = database("")
    load(url, 50)
    append(url, 7)
    assert count_rows(url) == 57


def test_their_validation_can_fail(tmp_path: Path) -> None:
    metadata = '{"created_at":"2026-01-01T00:00:00+00:00","trace_version":"1.0","format":"tunix_sft"}'
    line = (
        '{"id":"00000000-0000-4000-8000-000000000000","prompts":"p","final_answer":"a","metadata":'
        f'{metadata},"completion_start":1}}\n'
    )
    assert faults([line.encode()]) == []
    for wrong in (
        line.replace('"p"', '""'),
        line.replace("2026-01-01", "2026-13-01"),
        line.replace("+00:00", ""),
        line.replace(":1}\n", ':"1"}\n'),
    ):
        assert faults([wrong.encode()]), wrong
    path = tmp_path / "records.jsonl"
    path.write_text(line * 3 + line.replace('"a"', '""'))
    with pytest.raises(SystemExit, match="1 faults"):
        validate(path)
