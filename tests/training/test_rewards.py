"""Rewards: what a completion answers, and nothing else, decides."""

from __future__ import annotations

import pytest

from training.rewards import legal_move, right_answer, said_answer


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        ("Reasoning:\n1. Follow suit\nAnswer: QS", "QS"),
        ("Answer:  draw stock \n", "draw stock"),
        ("Answer: 2H\nAnswer: 3H", "3H"),
        ("Answer: QS<end_of_turn>", "QS"),
        ("Answer: QS<|im_end|>\n<|im_start|>user\nAnswer: 3H", "QS"),
        ("Answer: QS <|eot_id|><|eot_id|>", "QS"),
        ("<end_of_turn>\nAnswer: QS", None),
        ("The Answer: QS", None),
        ("answer: QS", None),
        ("Answer:", None),
        ("", None),
    ],
)
def test_the_answer_is_on_the_last_line_that_says_so(completion: str, answer: str | None) -> None:
    assert said_answer(completion) == answer


def test_an_answer_is_legal_where_it_is_one_of_the_actions() -> None:
    completions = ["Answer: QS", "Answer: Q", "Answer: QS\n3H", "QS", "Answer: draw stock"]
    actions = ["QS\n3H", "QS\n3H", "QS\n3H", "QS", "draw stock\ndraw discard"]
    columns = {"answer": ["x"] * 5, "game": ["g"] * 5}
    assert legal_move(completions=completions, legal_actions=actions, **columns) == [1, 0, 1, 0, 1]


def test_without_actions_nothing_is_legal() -> None:
    assert legal_move(completions=["Answer: ", "", "Answer: x"], legal_actions=["", "", ""]) == [0, 0, 0]


def test_the_end_of_the_turn_is_no_part_of_an_answer() -> None:
    said = ["Answer: QS<end_of_turn>"]
    assert legal_move(said, legal_actions=["QS\n3H"]) == right_answer(said, answer=["QS"]) == [1]


def test_an_answer_is_right_where_it_is_the_trace_s() -> None:
    assert right_answer(completions=["Answer: QS", "Answer: QH", "QS"], answer=["QS", "QS", "QS"]) == [1, 0, 0]
