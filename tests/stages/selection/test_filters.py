"""Filters: a value is compared with its type."""

from __future__ import annotations

from typing import Any

import pytest

from stages.params.models import Range
from stages.selection.filters import compile_filters, decode_meta


@pytest.mark.parametrize(
    ("wanted", "meta", "matches"),
    [
        ("duel", '"duel"', True),
        ("duel", '"Duel"', False),
        (1, "1", True),
        (1, "1.0", True),
        (1, '"1"', False),
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
        (["a", 2], '"2"', False),
        ([], '"a"', False),
        (Range(min=1, max=2), "1", True),
        (Range(min=1, max=2), "2.0", True),
        (Range(min=1, max=2), "2.01", False),
        (Range(min=1), "10000000000000000000000", True),
        (Range(max=0.5), "0.5", True),
        (Range(min=1), '"2"', False),
        (Range(min=0, max=1), "true", False),
        (Range(min="2026-01-01", max="2026-02"), '"2026-01-15"', True),
        (Range(min="b"), '"a"', False),
    ],
)
def test_a_value_matches(wanted: Any, meta: str, matches: bool) -> None:
    (test,) = compile_filters({"key": wanted}).values()
    held = decode_meta(f'{{"key": {meta}}}')
    assert held is not None
    assert test(held["key"]) is matches


def test_null_filters_nothing() -> None:
    assert compile_filters({"source": None, "game": None}) == {}
