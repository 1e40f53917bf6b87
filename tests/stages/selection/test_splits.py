"""Splits by keyed hash: fractions of groups, on any machine."""

from __future__ import annotations

import unicodedata
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from stages.params.models import Split
from stages.selection.splits import group_key, keyed_hash, split_of
from traces.texts import text_key

SPLIT = Split(validation=0.2, test=0.1, group_by=["game", "seed"])
BY_EPISODE = Split(validation=0.2, test=0.1, group_by=["episode"])
BY_PROMPT = Split(validation=0.2, test=0.1, group_by=[])


def side(meta: dict[str, Any], prompt: str = "?", split: Split = SPLIT) -> str:
    return split_of(group_key(meta, text_key(prompt), split), split)


def episode(value: Any) -> int:
    return group_key({"episode": value}, 0, BY_EPISODE)


def test_a_keyed_hash_never_changes() -> None:
    # Literals: another value would move traces between splits.
    assert keyed_hash("split", "a") == 0x8E538547F44B5801
    assert keyed_hash("split", "a") != keyed_hash("select:1", "a")
    assert group_key({"game": "g", "seed": 7}, 0, SPLIT) == keyed_hash("split", '["g", 7]')


def test_shares_come_near_the_fractions() -> None:
    counts = Counter(side({}, f"question {n}", BY_PROMPT) for n in range(4000))
    assert abs(counts["validation"] / 4000 - 0.2) < 0.03
    assert abs(counts["test"] / 4000 - 0.1) < 0.03


def test_a_group_stays_on_one_side_whatever_its_prompts() -> None:
    for seed in range(50):
        assert len({side({"game": "g", "seed": seed}, f"question {n}") for n in range(20)}) == 1
    assert len({side({"game": "g", "seed": seed}) for seed in range(50)}) == 3


@pytest.mark.parametrize("group_by", [[], ["prompt"], ["prompt", "solver"]])
def test_solutions_of_one_question_stay_together(group_by: list[str]) -> None:
    split = Split(validation=0.2, test=0.1, group_by=group_by)
    for n in range(50):
        assert len({side({"solver": "x", "seed": seed}, f"question {n}", split) for seed in range(10)}) == 1
    assert len({side({"solver": "x"}, f"question {n}", split) for n in range(50)}) == 3


@pytest.mark.parametrize(
    "same",
    ["What  is\nit?", "What is it? ", "\ufeffWhat is it?", "Wh\u200bat is it?", "What\u00a0is it?", "What is it?\r\n"],
)
def test_prompts_that_read_the_same_are_one_group(same: str) -> None:
    assert text_key(same) == text_key("What is it?")
    assert text_key("what is it?") != text_key("What is it?") != text_key("What is it")


def test_prompt_and_metadata_group_together() -> None:
    split = Split(validation=0.2, test=0.1, group_by=["prompt", "game"])
    keys = {group_key({"game": game}, prompt, split) for game in "ab" for prompt in (1, 2)}
    assert len(keys) == 4


def test_the_prompt_stands_in_for_a_key_that_a_trace_lacks() -> None:
    """Else a source without the keys would fall into one split as a whole."""
    for lacking in (
        {},
        {"game": "g"},
        {"game": "g", "seed": None},
        {"game": "g", "seed": ""},
        {"game": "\u200b", "seed": 1},
    ):
        keys = {group_key(lacking, prompt, SPLIT) for prompt in range(100)}
        assert len(keys) == 100
        assert {split_of(key, SPLIT) for key in keys} == {"train", "validation", "test"}
    assert group_key({"game": "g"}, 1, SPLIT) == group_key({"game": "g", "step": 1}, 1, SPLIT)
    assert group_key({"game": "g"}, 1, SPLIT) != group_key({"seed": "g"}, 1, SPLIT)
    assert group_key({"game": "g", "seed": 1}, 1, SPLIT) == group_key({"game": "g", "seed": 1}, 2, SPLIT)


@pytest.mark.parametrize(
    "same",
    [
        [7, "7", Decimal("7.0"), "7.0", "7.00", " 7"],
        [Decimal("0.5"), "0.5", "0.50"],
        [-3, "-3", Decimal("-3.0")],
        [10**20, str(10**20), Decimal(10**20)],
        ["caf\u00e9", "cafe\u0301", " caf\u00e9 "],
        ["\u1112\u1161\u11ab", unicodedata.normalize("NFC", "\u1112\u1161\u11ab")],
        ["a\u200bb", "ab"],
        [["7", "a"], [7, "a"], [Decimal("7.0"), "a"]],
        [{"n": 7}, {"n": "7"}],
    ],
)
def test_values_that_are_the_same_number_or_text_are_one_group(same: list[Any]) -> None:
    assert len({episode(value) for value in same}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [(7, 8), ("7", "seven"), ("7", "007"), (0.5, "1/2"), (1, True), ("1", "1e0"), ("A", "a"), ("a b", "ab"), ([1], 1)],
)
def test_values_that_only_look_alike_are_two_groups(one: Any, other: Any) -> None:
    assert episode(one) != episode(other)


def test_no_number_is_rounded() -> None:
    assert episode("0." + "3" * 40) != episode("0." + "3" * 41)
    assert episode(2**63) != episode(2**63 + 1)


def test_without_fractions_all_is_train() -> None:
    whole = Split(validation=0, test=0, group_by=[])
    assert {side({}, str(n), whole) for n in range(200)} == {"train"}
    assert whole.asked == ["train"]
    assert Split(validation=0, test=1, group_by=[]).asked == ["test"]


def test_more_test_takes_from_train_and_validation_but_moves_no_test_trace_out() -> None:
    more = Split(validation=0.2, test=0.3, group_by=[])
    before = {n for n in range(500) if side({}, str(n), BY_PROMPT) == "test"}
    assert before < {n for n in range(500) if side({}, str(n), more) == "test"}
