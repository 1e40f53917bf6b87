"""Recordings: whole rows as gzipped JSON Lines with their provenance, the same bytes every time."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.samples import payload, row, write_jsonl
from traces.errors import TracesError
from traces.recordings import read_recording, recording_path, recordings, write_recording


def write(path: Path, lines: list[bytes]) -> None:
    with write_recording(path, {"source": "test"}) as file:
        file.writelines(lines)


def test_a_recording_has_the_same_bytes_whenever_and_wherever_it_is_written(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl.gz", [b"1\n", b"2\n"])
    write(tmp_path / "sub" / "b.jsonl.gz", [b"1\n", b"2\n"])
    held = (tmp_path / "a.jsonl.gz").read_bytes()
    assert held == (tmp_path / "sub" / "b.jsonl.gz").read_bytes()
    assert held[3:8] == b"\0\0\0\0\0"  # no name, no time
    assert json.loads((tmp_path / "a.provenance.json").read_text()) == {"source": "test"}


def test_an_error_leaves_neither_recording_nor_provenance(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), write_recording(tmp_path / "a.jsonl.gz", {}) as file:
        file.write(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_recording_without_lines_is_none(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl.gz", [])
    assert list(tmp_path.iterdir()) == []


def test_rows_are_read_back_with_their_lines(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl.gz", [row(1), row(2)])
    assert [(number, found.id) for number, found in read_recording(path)] == [(1, row(1)["id"]), (2, row(2)["id"])]
    assert recordings(tmp_path) == [path]


def test_a_recording_cut_off_in_the_middle_is_refused_after_its_whole_lines(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl.gz", [row(n) for n in range(200)])
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(TracesError, match=r"a\.jsonl\.gz: cut off or damaged after line \d+ .*; fetch or record it"):
        list(read_recording(path))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (payload(1), "line 2: no created_at; a recording holds whole rows, see `traces ingest`"),
        ({"id": 1}, "line 2: .*; restore the file with `git checkout`"),
    ],
)
def test_a_line_that_is_no_whole_row_is_named(tmp_path: Path, line: object, says: str) -> None:
    path = write_jsonl(tmp_path / "a.jsonl.gz", [row(1), line])
    with pytest.raises(TracesError, match=says):
        list(read_recording(path))


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "../up", "a b"])
def test_a_name_that_is_no_plain_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TracesError, match="recording name"):
        recording_path(tmp_path, name)


def test_bytes_after_the_end_of_a_recording_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(row(1)).encode() + b"\n") + b"rubbish")
    with pytest.raises(TracesError, match="damaged"):
        list(read_recording(path))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_recording_that_people_bring_is_read_whatever_its_encoding_and_packing(
    tmp_path: Path, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    path = recording_path(tmp_path, "brought")
    text = "".join(json.dumps(row(n, prompt="\u00bfQu\u00e9?"), ensure_ascii=False) + "\n" for n in range(2))
    path.write_bytes(pack(text.encode(encoding)))
    assert [found.id for _, found in read_recording(path)] == [row(0)["id"], row(1)["id"]]
