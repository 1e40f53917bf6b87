"""Cards as text."""

from __future__ import annotations

import logging

import pytest

from traces.ungar.cards import card_text, is_joker


@pytest.mark.parametrize(
    ("index", "text"), [(0, "AS"), (9, "TS"), (12, "KS"), (13, "*S"), (14, "AH"), (27, "*H"), (28, "AD"), (55, "*C")]
)
def test_a_card_is_rank_and_suit(index: int, text: str) -> None:
    assert card_text(index) == text
    assert is_joker(text) == text.startswith("*")


def test_every_card_is_another() -> None:
    assert len({card_text(index) for index in range(56)}) == 56


@pytest.mark.parametrize("index", [-1, 56, None, "AS", 1.0])
def test_an_unreadable_card_is_marked_and_logged(index: object, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert card_text(index) == "??"
    assert f"unreadable card {index!r}, written as ??" in caplog.text
