"""Distributions gathered a partition at a time are those of the whole."""

from __future__ import annotations

from collections import Counter

import pytest

from stages.statistics import MAX_NAMES, Distribution, named_counts, round_down


@pytest.mark.parametrize(("value", "bin_"), [(0, 0), (7, 7), (42, 42), (123, 120), (1999, 1900), (20_500, 20_000)])
def test_bins_are_numbers_of_two_leading_digits(value: int, bin_: int) -> None:
    assert round_down(value) == bin_


def test_merged_parts_equal_the_whole() -> None:
    values = [1, 5, 5, 120, 129, 7]
    whole, one, other = Distribution.of(values), Distribution.of(values[::2]), Distribution.of(values[1::2])
    one.merge(other)
    one.merge(Distribution())
    assert one == whole
    assert whole.summary() == {"min": 1, "mean": 44.5, "max": 129}
    assert whole.csv("steps") == "steps,traces\n1,1\n5,2\n7,1\n120,2\n"


def test_nothing_has_no_mean() -> None:
    assert Distribution().summary() == {"min": None, "mean": None, "max": None}


def test_names_are_in_order_the_rare_ones_together() -> None:
    assert named_counts(Counter({"b": 1, "a": 2, "": 3})) == {"(none)": 3, "a": 2, "b": 1}
    many = Counter({f"name {n:03}": 2 for n in range(MAX_NAMES)}) + Counter({"rare": 1, "rarer": 1})
    odd = Counter({"": 3, "(none)": 1})
    assert named_counts(odd) == {"(none)": 4}
    assert len(named_counts(many)) == MAX_NAMES + 1
    assert named_counts(many)["(others)"] == 2
