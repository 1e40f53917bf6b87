"""The takedown list."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.removal.listing import add_to_list
from stages.selection.exclusions import EXCLUSIONS, load_exclusions
from tests.support.samples import trace_id
from traces.errors import TracesError

HEADER = "trace,reason,date\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "exclusions.csv"
    path.write_text(text)
    return path


def test_traces_are_covered_by_id_in_any_form_and_by_content(tmp_path: Path) -> None:
    digest = "a" * 64
    listed = (trace_id(1), trace_id(2).replace("-", "").upper(), f"sha256:{digest}")
    text = HEADER + "".join(f'{trace},"asked, twice",2026-01-31\n' for trace in listed)
    found = load_exclusions(written(tmp_path, text))
    assert len(found) == 3
    assert found.covering(trace_id(1), "") == [trace_id(1)]
    assert found.covering(trace_id(2), digest) == [trace_id(2), f"sha256:{digest}"]
    assert found.covering(trace_id(3), digest) == [f"sha256:{digest}"]
    assert found.covering(trace_id(3), "b" * 64) == []
    assert found.without({trace_id(1)}) == sorted([trace_id(2), f"sha256:{digest}"])


def test_the_list_may_be_empty(tmp_path: Path) -> None:
    assert len(load_exclusions(written(tmp_path, HEADER))) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: expected the header trace,reason,date"),
        ("id,why,when\n", "line 1: expected the header"),
        (HEADER + "seven,asked,2026-01-31\n", "line 2: 'seven' is neither a trace id nor sha256: and 64 hex digits"),
        (HEADER + "sha256:abc,asked,2026-01-31\n", "line 2: 'sha256:abc' is neither"),
        (HEADER + f"{trace_id(1)},asked\n", "line 2: 2 fields, expected trace,reason,date"),
        (HEADER + f"{trace_id(1)}, ,2026-01-31\n", "line 2: no reason given for"),
        (HEADER + f"{trace_id(1)},asked,31.13.2026\n", "line 2: '31.13.2026' is not a date (2026-01-31)"),
        (HEADER + f"{trace_id(1)},asked,2026/31/1\n", "line 2: '2026/31/1' is not a date (2026-01-31)"),
        (HEADER + f"{trace_id(1)};asked;2026-01-31\n", "line 2: 1 fields, expected trace,reason,date"),
        (HEADER + f"{trace_id(1)},asked,2026-01-31,,more\n", "line 2: 5 fields, expected trace,reason,date"),
        ("trace|reason|date\n", "line 1: expected the header trace,reason,date"),
        (HEADER + f"{trace_id(1)},asked,2026-01-31\nx,y,z\n", "line 3: "),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TracesError) as refused:
        load_exclusions(written(tmp_path, text))
    assert says in str(refused.value)


DIGEST = "sha256:" + "b" * 64
COMMA = f"trace,reason,date\r\n{trace_id(1)},asked,2026-01-31\r\n{DIGEST},again,2026-02-01\r\n"
AS_EXCEL_SAVES = {
    "CSV UTF-8": ("utf-8-sig", COMMA),
    "CSV UTF-8 where a comma is in numbers": ("utf-8-sig", COMMA.replace(",", ";")),
    "CSV": ("cp1252", COMMA),
    "Unicode text": ("utf-16", COMMA.replace(",", "\t")),
    "Unicode text without a mark": ("utf-16-le", COMMA.replace(",", "\t")),
    "CSV (Macintosh)": ("mac-roman", COMMA.replace("\r\n", "\r").replace(",", ";")),
    "empty columns": ("utf-8-sig", COMMA.replace(",", ";").replace("\r\n", ";;\r\n")),
    "empty rows": ("utf-8-sig", COMMA.replace(",", ";") + ";;\r\n\r\n;;;\r\n"),
    "cells in quotes": ("utf-8-sig", "\r\n".join('"' + line.replace(",", '";"') + '"' for line in COMMA.split())),
    "a semicolon and a line end in a cell": (
        "utf-8-sig",
        COMMA.replace(",", ";").replace("asked", '"asked; \n twice"'),
    ),
    "German dates": ("utf-8-sig", COMMA.replace("2026-01-31", "31.01.2026").replace("2026-02-01", "1.2.2026")),
    "American dates": ("utf-8-sig", COMMA.replace("2026-01-31", "1/31/2026").replace("2026-02-01", "2/1/2026")),
    "Japanese dates": ("utf-8-sig", COMMA.replace("2026-01-31", "2026/1/31")),
    "blanks around cells": ("utf-8", COMMA.replace(",", " , ")),
}


@pytest.mark.parametrize("form", AS_EXCEL_SAVES)
def test_a_list_that_excel_saved_is_taken(tmp_path: Path, form: str) -> None:
    encoding, text = AS_EXCEL_SAVES[form]
    path = tmp_path / "exclusions.csv"
    path.write_bytes(text.encode(encoding))
    assert load_exclusions(path).listed == sorted([trace_id(1), DIGEST])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (HEADER.encode() + f"{trace_id(1)},gel\u00f6scht,2026-01-31\n".encode("cp1252"), "byte 58: not UTF-8 ("),
        (
            b"PK\x03\x04",
            "this is a zip archive or an Excel workbook; unpack it first, or save the workbook as CSV UTF-8",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "this is an old Excel workbook (.xls); save it as CSV UTF-8"),
        (b"\x1f\x8b\x08\x00", "this is gzip; unpack it first"),
    ],
)
def test_a_list_that_cannot_be_read_is_named_in_one_line(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "exclusions.csv"
    path.write_bytes(data)
    with pytest.raises(TracesError) as refused:
        load_exclusions(path)
    assert str(refused.value).startswith(f"{path}: {says}")


@pytest.mark.parametrize("form", AS_EXCEL_SAVES)
def test_a_takedown_adds_to_such_a_list_in_its_own_form(workspace: Path, form: str) -> None:
    encoding, text = AS_EXCEL_SAVES[form]
    before = text.encode(encoding)
    EXCLUSIONS.write_bytes(before)
    add_to_list([trace_id(2), trace_id(3)], "gel\u00f6scht, bald", "2026-03-01")
    assert EXCLUSIONS.read_bytes().startswith(before)
    assert load_exclusions().listed == sorted([trace_id(1), trace_id(2), trace_id(3), DIGEST])


def test_a_missing_list_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(TracesError, match="no such file; `git checkout"):
        load_exclusions(tmp_path / "exclusions.csv")
