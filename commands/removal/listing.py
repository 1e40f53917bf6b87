"""Adding to data/exclusions.csv."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime

from stages.selection.exclusions import EXCLUSIONS, load_exclusions, read_list
from traces.errors import WrongUse, one_line
from traces.files import file_aside
from traces.ids import is_id, normalise_id

_CONTENT = re.compile(r"sha256:[0-9a-f]{64}")


def as_listed(trace: str) -> str:
    """A trace as the list names it: an id in its usual form, or `sha256:` and a hash.

    Raises:
        WrongUse: it is neither.
    """
    name = trace.strip().lower()
    if _CONTENT.fullmatch(name):
        return name
    if is_id(normalise_id(name)):
        return normalise_id(name)
    raise WrongUse(f"{one_line(trace, 80)}: neither a trace id nor sha256: and 64 hex digits")


def add_to_list(listed: list[str], reason: str, day: str | None) -> list[str]:
    """Add those that are not on it yet, with the reason and the day (today's, in UTC); what was done, in words.

    Raises:
        TracesError: the list is malformed.
        WrongUse: there is no reason for a trace that is to be added, or the day is none.
    """
    known = set(load_exclusions().listed)
    new = [trace for trace in dict.fromkeys(listed) if trace not in known]
    lines = [f"{trace} is on {EXCLUSIONS} already" for trace in dict.fromkeys(listed) if trace in known]
    if not new:
        return lines
    if not reason.strip():
        raise WrongUse(f"{new[0]} is not on {EXCLUSIONS} yet: say why with --reason TEXT")
    # As the list is written, also if Excel has saved it.
    held = read_list()
    text = io.StringIO()
    writer = csv.writer(text, delimiter=held.separator, lineterminator="\r\n" if "\r\n" in held.text else "\n")
    if not held.text.endswith(("\n", "\r")):
        writer.writerow([])
    writer.writerows((trace, " ".join(reason.split()), _day(day)) for trace in new)
    with file_aside(EXCLUSIONS) as aside:
        aside.write_bytes(EXCLUSIONS.read_bytes() + text.getvalue().encode(held.encoding))
    return [*lines, *(f"{trace} added to {EXCLUSIONS}" for trace in new)]


def _day(given: str | None) -> str:
    try:
        return (datetime.now(UTC).date() if given is None else date.fromisoformat(given)).isoformat()
    except ValueError:
        raise WrongUse(f"--date {one_line(str(given), 40)}: expected a date (2026-01-31)") from None
