"""Filters: numbers compare by value, texts at the level canonical, times by their moment."""

from __future__ import annotations

from typing import Any

import pytest

from stages.params.models import Range
from stages.selection.filters import compile_filters, decode_meta, ours
from traces.errors import TracesError
from traces.times import FIRST_US, LAST_US

HOUR = 3_600_000_000
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("wanted", "meta", "matches"),
    [
        ("duel", '"duel"', True),
        ("duel", '"Duel"', False),
        (1, "1", True),
        (1, "1.0", True),
        (7, '"7"', True),
        (7, "7.0", True),
        (7, "7.00", True),
        (7, '"7.0"', True),
        (7.0, "7", True),
        (7.0, '" 7 "', True),
        (-7.5, '"-7.50"', True),
        (0, "-0.0", True),
        (7, '"07"', False),
        (7, '"7e0"', False),
        (1000, '"1,000"', False),
        (7, '"7.0000000000000000000000000000001"', False),
        (7, "[7]", False),
        (0, "false", False),
        ("7", '"7"', True),
        ("7", "7", False),
        ("7", "7.0", False),
        ("7", '"7.0"', False),
        ("1.1", '"1.10"', False),
        ("Jos\u00e9", '"Jose\u0301"', True),
        ("two  words", '"two words"', True),
        ("zero\u200bwidth", '"zerowidth"', True),
        ("true", "true", False),
        (True, '"true"', False),
        (1, "true", False),
        (True, "true", True),
        (True, "1", False),
        (0.1, "0.1", True),
        (0.1, "0.10", True),
        (0.1, "0.1000000000000000055511151231257827", False),
        (2**60 + 1, str(2**60 + 1), True),
        (2**60 + 1, str(2**60), False),
        ("x", "null", False),
        ("x", '["x"]', False),
        (["a", 2], '"a"', True),
        (["a", 2], "2", True),
        (["a", 2], '"2"', True),
        (["a", "2"], "2", False),
        ([], '"a"', False),
        (Range(min=1, max=2), "1", True),
        (Range(min=1, max=2), "2.0", True),
        (Range(min=1, max=2), "2.01", False),
        (Range(min=1), "10000000000000000000000", True),
        (Range(max=0.5), "0.5", True),
        (Range(min=1), '"2"', True),
        (Range(min=1, max=2), '"2.0"', True),
        (Range(min=1, max=2), '"2.01"', False),
        (Range(min=0.1, max=0.3), '"0.3"', True),
        (Range(min=1), '"many"', False),
        (Range(min="1"), "2", False),
        (Range(min=0, max=1), "true", False),
        (Range(min="2026-01-01", max="2026-02"), '"2026-01-15"', True),
        (Range(min="b"), '"a"', False),
        (Range(max="2026-01-31"), '"2026-01-31T23:59:59.999999Z"', True),
        (Range(max="2026-01-31"), '"2026-02-01T00:00:00Z"', False),
        (Range(max="2026-01-31"), '"2026-01-31"', True),
        (Range(max=" 2026-01-31 "), '"2026-01-31T20:00:00Z"', True),
        (Range(max="2026-01-31"), '"2026-02-01T01:00:00+02:00"', True),
        (Range(min="2026-01-31"), '"2026-01-31T00:30:00+01:00"', False),
        (Range(min="2026-01-31 12:00", max="2026-01-31T13:00:00+00:00"), '"2026-01-31T12:30"', True),
        (Range(max="2026-01-31"), '"2026-01-31 is the day"', False),
        (Range(max="2026-01-31"), "20260131", False),
    ],
)
def test_a_value_matches(wanted: Any, meta: str, matches: bool) -> None:
    (test,) = compile_filters({"key": wanted}).values()
    held = decode_meta(f'{{"key": {meta}}}')
    assert held is not None
    assert test(held["key"]) is matches


def test_null_filters_nothing() -> None:
    assert compile_filters({"source": None, "game": None}) == {}


END = 1_769_903_999_999_999  # 2026-01-31T23:59:59.999999Z


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        (Range(max="2026-01-31"), None, END),
        (Range(max="20260131"), None, END),
        (Range(max=" 2026-W05-6 "), None, END),
        (Range(max="2026-W05"), None, END + DAY),
        (Range(min="2026-01-31"), END - DAY + 1, None),
        (Range(min="2026-01-31", max="2026-01-31"), END - DAY + 1, END),
        (Range(max="2026-01-31T12:00"), None, END - DAY // 2 + 1),
        (Range(max="2026-01-31 12:00:00"), None, END - DAY // 2 + 1),
        (Range(max="2026-01-31T00:00:00"), None, END - DAY + 1),
        (Range(max="2026-01-31T12:00:00+02:00"), None, END - DAY // 2 + 1 - 2 * HOUR),
        (Range(max="2026-01-31T12:00:00Z"), None, END - DAY // 2 + 1),
        (Range(max="2026-01-31T23:59:59.999998"), None, END - 1),
        (Range(max="9999-12-31"), None, LAST_US),
        ("2026-01-31", END - DAY + 1, END),
        ("2026-01-31T12:00:00Z", END - DAY // 2 + 1, END - DAY // 2 + 1),
        (["2026-01-31"], END - DAY + 1, END),
    ],
)
def test_a_date_of_created_at_is_its_whole_day(wanted: Any, first: int | None, last: int | None) -> None:
    (test,) = compile_filters({"created_at": wanted}).values()

    def matches(us: int) -> bool:
        return test(ours(us, "1.0")["created_at"])

    first, last = FIRST_US if first is None else first, LAST_US if last is None else last
    assert matches(first)
    assert matches(last)
    assert first == FIRST_US or not matches(first - 1)
    assert last == LAST_US or not matches(last + 1)


@pytest.mark.parametrize("wanted", ["today", "2026-01", "2026-1-31", "31.01.2026", "2026-01-31Z", 20260131])
def test_what_is_no_time_is_refused_for_created_at(wanted: Any) -> None:
    for asked in (wanted, [wanted], Range(min=wanted), Range(max=wanted)):
        with pytest.raises(
            TracesError, match=r"params.yaml: filters.created_at: .* is not an ISO 8601 time"
        ) as refused:
            compile_filters({"created_at": asked})
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "wanted", [Range(max="2026-02-31"), Range(min="2026-13-01"), Range(min="2026-01-01", max="2026-00-00")]
)
def test_a_date_of_no_calendar_is_refused_as_the_end_of_any_range(wanted: Range) -> None:
    with pytest.raises(TracesError, match=r"^params.yaml: filters.day: .* is not an ISO 8601 time"):
        compile_filters({"day": wanted})
