"""Batches bounded by count and by bytes, which follow from their items alone."""

from __future__ import annotations

import pytest

from traces import batches


def cut(sizes: list[int], most: int = 3) -> list[list[int]]:
    return list(batches.batches(iter(sizes), most, lambda size: size))


def test_a_batch_ends_where_it_has_enough_items_or_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_BYTES", 10)
    assert cut([]) == []
    assert cut([1] * 7) == [[1] * 3, [1] * 3, [1]]
    assert cut([4, 6, 1, 9, 99, 99, 0]) == [[4, 6], [1, 9], [99], [99], [0]]
    assert cut([5, 99]) == [[5, 99]]  # less than the bound, and one item


def test_a_text_counts_in_utf_8() -> None:
    assert [batches.text_bytes(text) for text in ("", "ab", "é", "漢", "😀")] == [0, 2, 2, 3, 4]
