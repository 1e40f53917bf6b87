"""A sample comes from all over an export."""

from __future__ import annotations

from training.spread import sample, spread


def test_a_sample_is_spread_over_the_export() -> None:
    assert sample([f"record {number}" for number in range(10)], 4) == ["record 0", "record 2", "record 5", "record 7"]
    assert sample("few", 99) == ["f", "e", "w"]
    assert spread(0, 3) == []
