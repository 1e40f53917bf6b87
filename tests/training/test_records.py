"""Records by number, read where they lie."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from traces.errors import TracesError
from training.records import JsonLines, export_files
from training.tokens import SftRecord


def write(path: Path, numbers: range, end: str = "\n") -> None:
    lines = (json.dumps({"id": str(n), "prompts": "é" * n, "completion_start": n, "more": [n]}) for n in numbers)
    path.write_text("\n".join(lines) + end)


@pytest.fixture
def held(tmp_path: Path) -> JsonLines[SftRecord]:
    write(tmp_path / "train-1.jsonl", range(5))
    (tmp_path / "train-2.jsonl").write_text("")
    write(tmp_path / "train-3.jsonl", range(5, 8), end="")
    write(tmp_path / "test-1.jsonl", range(50, 51))
    return JsonLines(export_files(tmp_path, "train"), SftRecord)


def test_records_are_found_by_number_in_order(held: JsonLines[SftRecord]) -> None:
    assert len(held) == 8
    assert [held[n].id for n in range(8)] == [r.id for r in held] == [str(n) for n in range(8)]
    assert held[-1] == held[7] == SftRecord("7", "ééééééé", 7)
    with pytest.raises(IndexError):
        held[8]


def test_they_can_be_sent_to_another_process(held: JsonLines[SftRecord]) -> None:
    assert list(pickle.loads(pickle.dumps(held))) == list(held)


def test_a_damaged_line_is_named(held: JsonLines[SftRecord], tmp_path: Path) -> None:
    path = tmp_path / "train-3.jsonl"
    path.write_text(path.read_text().replace('"completion_start": 6', '"completion_start": "6"'))
    again = JsonLines(held.paths, SftRecord)
    with pytest.raises(TracesError, match=r"train-3.jsonl, line 2: Expected `int`, got `str`"):
        again[6]
    with pytest.raises(TracesError, match=r"train-3.jsonl, line 2"):
        list(again)


def test_what_is_not_there_is_named(tmp_path: Path, held: JsonLines[SftRecord]) -> None:
    assert [p.name for p in export_files(tmp_path)] == ["test-1.jsonl", *(f"train-{n}.jsonl" for n in (1, 2, 3))]
    assert [p.name for p in export_files(f"{tmp_path}/train-*.jsonl")] == [f"train-{n}.jsonl" for n in (1, 2, 3)]
    assert export_files(tmp_path / "test-1.jsonl") == [tmp_path / "test-1.jsonl"]
    with pytest.raises(TracesError, match="no JSON Lines of split validation here; `dvc repro` or `dvc pull`"):
        export_files(tmp_path, "validation")
    with pytest.raises(TracesError, match="split 'dev': not one of train, validation, test"):
        export_files(tmp_path, "dev")
    with pytest.raises(TracesError, match="gone.jsonl: no JSON Lines here"):
        export_files(tmp_path / "gone.jsonl")
