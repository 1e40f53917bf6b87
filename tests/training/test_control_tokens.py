"""Control tokens in a trace's own text: neutralised until none is left, and nothing else is touched."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import control_tokens
from training.control_tokens import has_control_token, neutralise, neutralise_column
from training.templates import load_template, template_names

TOKENS = [token.replace("{n}", "7") for name in template_names() for token in load_template(name).control_tokens]
PIECES = st.sampled_from([*TOKENS, *(token[:3] for token in TOKENS), *(token[3:] for token in TOKENS), "<", ">", " x"])


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_gets_a_space_after_its_first_character(token: str) -> None:
    assert has_control_token(f"a{token}b")
    assert neutralise(f"a{token}b") == f"a{token[0]} {token[1:]}b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "a < b and b > a",
        "<start_of_turn",
        "start_of_turn>",
        "< end_of_turn>",
        "<unused>",
        "<b>bold</b>",
        "é😀",
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert not has_control_token(text)
    assert neutralise(text) == text


def test_what_stands_around_a_token_forms_no_other() -> None:
    assert neutralise("<end_of<end_of_turn>_turn>") == "<end_of< end_of_turn>_turn>"
    assert neutralise("<unused123><unused4>") == "< unused123>< unused4>"


@pytest.mark.parametrize("token", TOKENS)
def test_a_column_is_looked_through_in_pieces_and_no_token_is_missed(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_tokens, "PIECE", 8)
    for before in range(12):
        texts = ["x" * before, "y" + token, "z"]
        assert neutralise_column(pa.array(texts)).to_pylist() == [neutralise(text) for text in texts] != texts


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_none_is_left_nothing_is_lost_and_again_changes_nothing(text: str) -> None:
    found = neutralise(text)
    assert not has_control_token(found)
    assert not any(token in found for token in TOKENS)
    assert found.replace(" ", "") == text.replace(" ", "")
    assert neutralise(found) == found
