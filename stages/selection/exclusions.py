"""data/exclusions.csv: the takedown list. A trace on it is in no new version.

The list is read as people and Excel save it: separated by commas, semicolons or tabs, in any encoding of
traces/text_files.py, with cells in quotes, empty rows and empty columns at the end.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from traces.errors import TracesError, one_line
from traces.ids import is_id, normalise_id
from traces.text_files import read_text

EXCLUSIONS = Path("data/exclusions.csv")
HEADER = ["trace", "reason", "date"]
_SEPARATORS = ",;\t"
_CONTENT = re.compile(r"sha256:[0-9a-f]{64}")
# Excel writes a date as its locale has it. Nothing depends on the date, so the order of day and month may stay open.
_LOCAL_DATE = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})|(\d{4})[./](\d{1,2})[./](\d{1,2})", re.ASCII)


@dataclass(frozen=True)
class Exclusions:
    """Traces by id, and by the hash of their content: every trace that says the same."""

    ids: frozenset[str]
    contents: frozenset[str]

    @property
    def listed(self) -> list[str]:
        """All of them as they are written, in order."""
        return sorted({*self.ids, *(f"sha256:{content}" for content in self.contents)})

    def __len__(self) -> int:
        return len(self.ids) + len(self.contents)

    def covering(self, trace_id: str, *hashes: str | None) -> list[str]:
        """What on the list covers a trace, as written there; `hashes` are of its content, in order and as stored."""
        by_id = [trace_id] if trace_id in self.ids else []
        return by_id + [f"sha256:{content}" for content in hashes if content in self.contents]

    def without(self, found: set[str]) -> list[str]:
        """What is on the list beside `found`, in order."""
        return [trace for trace in self.listed if trace not in found]


@dataclass(frozen=True)
class ListText:
    """The text of a list, and how it is written: its encoding, and what separates its cells."""

    text: str
    encoding: str
    separator: str

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows below the header that are not empty, and the line that each ends in, counted from 1."""
        rows = csv.reader(io.StringIO(self.text, newline=""), delimiter=self.separator, strict=True)
        next(rows)
        for row in rows:
            if cells := _cells(row):
                yield rows.line_num, cells


def read_list(path: Path = EXCLUSIONS) -> ListText:
    """The text of the list in `path`.

    Raises:
        TracesError: it is missing, no text, or has another header.
    """
    try:
        text, encoding = read_text(path)
    except FileNotFoundError:
        raise TracesError(f"{path}: no such file; `git checkout {path}` restores it") from None
    first = text.splitlines()[0] if text else ""
    for separator in _SEPARATORS:
        if _cells(next(csv.reader([first], delimiter=separator), [])) == HEADER:
            return ListText(text, encoding, separator)
    raise TracesError(f"{path}, line 1: expected the header {','.join(HEADER)}")


def load_exclusions(path: Path = EXCLUSIONS) -> Exclusions:
    """The list in `path`.

    Raises:
        TracesError: it is missing or malformed; the message names the line.
    """
    ids: set[str] = set()
    contents: set[str] = set()
    try:
        for line, row in read_list(path).rows():
            trace = _checked(row, f"{path}, line {line}")
            if trace.startswith("sha256:"):
                contents.add(trace.removeprefix("sha256:"))
            else:
                ids.add(normalise_id(trace))
    except csv.Error as error:
        raise TracesError(f"{path}: {error}") from None
    return Exclusions(frozenset(ids), frozenset(contents))


def _cells(row: list[str]) -> list[str]:
    """The cells of a row without the blanks around them and the empty ones behind the last column."""
    cells = [cell.strip() for cell in row]
    while cells and not cells[-1] and (len(cells) > len(HEADER) or not any(cells)):
        cells.pop()
    return cells


def _checked(row: list[str], where: str) -> str:
    if len(row) != len(HEADER):
        raise TracesError(f"{where}: {len(row)} fields, expected {','.join(HEADER)}")
    trace, reason, day = row
    if not (_CONTENT.fullmatch(trace) or is_id(normalise_id(trace))):
        raise TracesError(f"{where}: {one_line(trace, 80)!r} is neither a trace id nor sha256: and 64 hex digits")
    if not reason:
        raise TracesError(f"{where}: no reason given for {trace}")
    if not _is_date(day):
        raise TracesError(f"{where}: {one_line(day, 40)!r} is not a date (2026-01-31)")
    return trace


def _is_date(text: str) -> bool:
    found = _LOCAL_DATE.fullmatch(text)
    if found is None:
        orders = [text]
    else:
        a, b, year, *ymd = found.groups()
        orders = [f"{year}-{b:0>2}-{a:0>2}", f"{year}-{a:0>2}-{b:0>2}"] if year else ["-".join(f"{x:0>2}" for x in ymd)]
    return any(map(_is_iso_date, orders))


def _is_iso_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
