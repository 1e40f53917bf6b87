"""data/exclusions.csv: the takedown list. A trace on it is in no new version."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from traces.errors import TracesError, one_line
from traces.ids import is_id, normalise_id

EXCLUSIONS = Path("data/exclusions.csv")
HEADER = ["trace", "reason", "date"]
_CONTENT = re.compile(r"sha256:[0-9a-f]{64}")


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


def load_exclusions(path: Path = EXCLUSIONS) -> Exclusions:
    """The list in `path`.

    Raises:
        TracesError: it is missing or malformed; the message names the line.
    """
    ids: set[str] = set()
    contents: set[str] = set()
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file, strict=True)
            if next(rows, None) != HEADER:
                raise TracesError(f"{path}, line 1: expected the header {','.join(HEADER)}")
            for row in rows:
                where = f"{path}, line {rows.line_num}"
                trace = _checked(row, where)
                if trace.startswith("sha256:"):
                    contents.add(trace.removeprefix("sha256:"))
                else:
                    ids.add(normalise_id(trace))
    except FileNotFoundError:
        raise TracesError(f"{path}: no such file; `git checkout {path}` restores it") from None
    except (csv.Error, UnicodeError) as error:
        raise TracesError(f"{path}: {error}") from None
    return Exclusions(frozenset(ids), frozenset(contents))


def _checked(row: list[str], where: str) -> str:
    if len(row) != len(HEADER):
        raise TracesError(f"{where}: {len(row)} fields, expected {','.join(HEADER)}")
    trace, reason, day = (value.strip() for value in row)
    if not (_CONTENT.fullmatch(trace) or is_id(normalise_id(trace))):
        raise TracesError(f"{where}: {one_line(trace, 80)!r} is neither a trace id nor sha256: and 64 hex digits")
    if not reason:
        raise TracesError(f"{where}: no reason given for {trace}")
    try:
        date.fromisoformat(day)
    except ValueError:
        raise TracesError(f"{where}: {one_line(day, 40)!r} is not a date (2026-01-31)") from None
    return trace
