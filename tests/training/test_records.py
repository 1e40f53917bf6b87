"""Records by number, read where they lie."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import pytest

from traces.errors import TracesError, WrongUse
from training.records import JsonLines, export_files, open_export
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
    return JsonLines(export_files(tmp_path, "train"), SftRecord, "tunix_sft")


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
    again = JsonLines(held.paths, SftRecord, "tunix_sft")
    with pytest.raises(TracesError, match=r"train-3.jsonl, line 2: no tunix_sft record \(Expected `int`, got `str`"):
        again[6]
    with pytest.raises(TracesError, match=r"train-3.jsonl, line 2"):
        list(again)


def test_what_is_not_there_is_named(tmp_path: Path, held: JsonLines[SftRecord]) -> None:
    assert [p.name for p in export_files(tmp_path)] == ["test-1.jsonl", *(f"train-{n}.jsonl" for n in (1, 2, 3))]
    assert [p.name for p in export_files(f"{tmp_path}/train-*.jsonl")] == [f"train-{n}.jsonl" for n in (1, 2, 3)]
    assert export_files(tmp_path / "test-1.jsonl") == [tmp_path / "test-1.jsonl"]
    (tmp_path / "of a/x").mkdir(parents=True)
    write(tmp_path / "of a/x/train-9.jsonl", range(1))
    for pattern in ("of*/x/train-*.jsonl", "*/x/train-9.jsonl", "**/train-9.jsonl", "of a/x/train-**"):
        assert export_files(tmp_path / pattern) == [tmp_path / "of a/x/train-9.jsonl"]
    with pytest.raises(
        TracesError, match=r": no validation-\*.jsonl here, but of a, test-1.jsonl, train-1.jsonl and 2 more;"
    ):
        export_files(tmp_path, "validation")
    with pytest.raises(TracesError, match="split 'dev': not one of train, validation, test"):
        export_files(tmp_path, "dev")
    for name in ("gone.jsonl", "gone/*/x.jsonl", "train-**.txt"):
        with pytest.raises(
            TracesError, match="no such file or folder, and no pattern that a file matches; mend the name"
        ):
            export_files(tmp_path / name)
    with pytest.raises(WrongUse, match="an empty name; name an export's folder"):
        export_files("")


def test_a_folder_of_other_files_and_an_empty_one_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(
        TracesError, match=r"an empty folder, as of a format that export.formats in params.yaml does not"
    ):
        export_files(tmp_path)
    write(tmp_path / "mine.jsonl", range(2))
    with pytest.raises(TracesError, match=r": no SPLIT-\*.jsonl here, but mine.jsonl; name a file, or a pattern"):
        export_files(tmp_path)


@pytest.mark.parametrize("source", ["", "train-1.jsonl", "*.jsonl"])
def test_files_without_a_record_are_named(tmp_path: Path, source: str) -> None:
    (tmp_path / "train-1.jsonl").touch()
    with pytest.raises(TracesError, match=r"no records, train-1.jsonl empty, which an export's never are; `dvc repro`"):
        open_export(tmp_path / source, None, SftRecord, "tunix_sft")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            b'{"id": "a"}\n',
            ", line 1: no tunix_sft record (Object missing required field `prompts`); name an export of",
        ),
        (b'{"id"', ", line 1: Input data was truncated; mend it, or `dvc repro` makes an export's files again"),
        (b"\n", ", line 1: a blank line, which no export has; mend it, or `dvc repro`"),
        (b"\xef\xbb\xbf{}\n", ": begins with a byte order mark, which no export does; take it out, or `dvc repro`"),
        (b"\x1f\x8b\x08\x00", ": gzip, not JSON Lines; unpack it first"),
        ("{}\n".encode("utf-16"), ": UTF-16-LE, not UTF-8, which every export is; save it as UTF-8, or `dvc repro`"),
        ("{}\n".encode("utf-16-be"), ": UTF-16-BE, not UTF-8, which every export is"),
        (b"PK\x03\x04", ": a zip archive or an Excel workbook; unpack it first"),
        (b"PAR1", ": Parquet; write its rows as JSON Lines"),
    ],
)
def test_what_is_no_record_is_said_for_what_it_is(tmp_path: Path, text: bytes, says: str) -> None:
    (tmp_path / "x.jsonl").write_bytes(text)
    with pytest.raises(TracesError, match=re.escape(f"x.jsonl{says}")):
        open_export(tmp_path / "x.jsonl", None, SftRecord, "tunix_sft")[0]
