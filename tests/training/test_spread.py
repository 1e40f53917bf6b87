"""A sample comes from all over an export."""

from __future__ import annotations

from training.spread import sampled, spread


def test_a_sample_is_spread_over_the_export() -> None:
    assert list(sampled([f"record {number}" for number in range(10)], 4)) == [
        "record 0",
        "record 2",
        "record 5",
        "record 7",
    ]
    assert list(sampled("few", 99)) == ["f", "e", "w"]
    assert spread(0, 3) == []
