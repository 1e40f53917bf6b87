"""Times: microseconds since 1970 in UTC, from ISO 8601 text, of the years 1 to 9999."""

from __future__ import annotations

import pytest

from traces.errors import TracesError
from traces.times import FIRST_US, LAST_US, parse_span, parse_us, require_us, to_iso


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01 00:00:00", 0),
        ("1970-01-01 00:00:00.000001", 1),
        ("1969-12-31T23:59:59.999999+00:00", -1),
        (" 1970-01-02 ", 86_400_000_000),
        ("0001-01-01T00:00:00Z", FIRST_US),
        ("9999-12-31T23:59:59.999999Z", LAST_US),
    ],
)
def test_a_time_is_read_in_utc(text: str, us: int) -> None:
    assert parse_us(text) == us


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "1701011212345",
        "2026-01-31x12:00",
        None,
        0,
    ],
)
def test_what_is_no_time_of_those_years_is_none(text: object) -> None:
    assert parse_us(text) is None
    with pytest.raises(TracesError, match="--start: .* is not an ISO 8601 time of the years 1 to 9999"):
        require_us(text, "--start")


def test_a_time_is_written_with_its_zone_and_only_the_microseconds_that_it_has() -> None:
    assert to_iso(0) == "1970-01-01T00:00:00+00:00"
    assert to_iso(1) == "1970-01-01T00:00:00.000001+00:00"
    assert to_iso(FIRST_US) == "0001-01-01T00:00:00+00:00"
    assert parse_us(to_iso(LAST_US)) == LAST_US


DAY = 86_400_000_000


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("1970-01-02", (DAY, 2 * DAY - 1)),
        ("19700102", (DAY, 2 * DAY - 1)),
        ("1970-W01-5", (DAY, 2 * DAY - 1)),
        ("1970-W02", (4 * DAY, 11 * DAY - 1)),
        ("1970-01-02T00:00", (DAY, DAY)),
        ("1970-01-02 00:00:00Z", (DAY, DAY)),
        ("1970-W01-5T00:00", (DAY, DAY)),
        ("9999-12-31", (LAST_US - DAY + 1, LAST_US)),
        ("1970-01", None),
        (19700102, None),
    ],
)
def test_a_date_is_its_whole_day(text: object, span: tuple[int, int] | None) -> None:
    assert parse_span(text) == span
