"""Times as the project holds them: microseconds since 1970 in UTC, years 1 to 9999."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from traces.errors import TracesError, one_line

# Python takes any character between date and time: the digits of an epoch in milliseconds read as a day of 1701.
_DATE = re.compile(r"\d{4}-?(?:\d{2}-?\d{2}|W\d{2}-?\d|W\d{2})(?:[T ]|$)", re.ASCII)
_WEEKDAY = re.compile(r"W\d{2}-?\d$", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_US = (datetime.min.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
_DAY_US = 24 * 3600 * 1_000_000
LAST_US = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def to_datetime(us: int) -> datetime:
    """The aware datetime, in UTC, of `us` microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)


def to_iso(us: int) -> str:
    """ISO 8601 with `+00:00`; microseconds only where there are any, as `datetime.isoformat` has it."""
    return to_datetime(us).isoformat()


def parse_us(text: object) -> int | None:
    """Microseconds since 1970 of an ISO 8601 time; one without a zone is UTC. None for anything else.

    A year outside of 1 to 9999, before or after conversion to UTC, is None too.
    """
    if not isinstance(text, str) or not _DATE.match(text := text.strip()):
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        us = (moment - EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None
    return us if FIRST_US <= us <= LAST_US else None


def parse_span(text: object) -> tuple[int, int] | None:
    """The first and the last microsecond that a text names: of a day or a week in UTC, or of a moment; else None.

    A time of day is a moment, however few digits it has.
    """
    first = parse_us(text)
    if first is None or not isinstance(text, str):
        return None
    day = text.strip()
    if not _DATE.fullmatch(day):
        return first, first
    days = 1 if "W" not in day or _WEEKDAY.search(day) else 7
    return first, min(first + days * _DAY_US - 1, LAST_US)


def require_span(text: object, where: str) -> tuple[int, int]:
    """Like `parse_span`, for input that must hold a time.

    Raises:
        TracesError: `text` is no time; the message names `where`.
    """
    span = parse_span(text)
    if span is None:
        shown = one_line(repr(text), 60)
        raise TracesError(f"{where}: {shown} is not an ISO 8601 time of the years 1 to 9999 (2026-01-31T12:00:00Z)")
    return span


def require_us(text: object, where: str) -> int:
    """Like `parse_us`, for input that must hold a time.

    Raises:
        TracesError: `text` is no time; the message names `where`.
    """
    return require_span(text, where)[0]
