"""Rewards: what a completion answers, and nothing else, decides."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.shell import ROOT
from training import answers
from training.renderers.tunix_sft import render_turns
from training.rewards import bare, legal_move, right_answer, right_choice, right_number, said_answer
from training.templates import Template, load_template, template_names

TEMPLATES = [load_template(name) for name in template_names()]
REWARDS: dict[str, Callable[..., list[float]]] = {
    function.__name__: function for function in (right_answer, right_number, right_choice, legal_move)
}
ANSWER_REWARDS = ("right_answer", "right_number", "right_choice")

# The reward, what the trace answers (or may do), what is the same for that reward, and a near miss. docs/training.md
# shows this table.
EQUAL = [
    ("right_answer", "42", "42", "42.0"),
    ("right_answer", "draw stock", "draw stock", "Draw stock"),
    ("right_number", "42", "42.0", "42.1"),
    ("right_number", "42", "42.", "4.2"),
    ("right_number", "42", "+42", "-42"),
    ("right_number", "42", "$42", "42 dollars"),
    ("right_number", "$42", "$42.00", "€42"),
    ("right_number", "42", "$42$", "42 or 43"),
    ("right_number", "42", r"\boxed{42}", r"\boxed{41}"),
    ("right_number", "42", r"The sum is \boxed{42}", "The sum is 42"),
    ("right_number", "42", "**42**", "4**2"),
    ("right_number", "42", "４２", "⁴²"),
    ("right_number", "-5", "−5", "5"),
    ("right_number", "-5", "-$5.00", "$5.00"),
    ("right_number", "1000", "1,000", "1,00"),
    ("right_number", "1234567", "1,234,567", "1,234,56"),
    ("right_number", "1000", "1{,}000", "1.000"),
    ("right_number", "1500", "1.5e3", "1.5e4"),
    ("right_number", "1500", r"1.5 \times 10^{3}", r"1.5 \times 10^{2}"),
    ("right_number", "0.5", "1/2", "2/1"),
    ("right_number", "0.5", r"\frac{1}{2}", r"\frac{1}{3}"),
    ("right_number", "0.5", ".5", "0,5"),
    ("right_number", "1/3", "2/6", "0.333333"),
    ("right_number", "1.5", "1 1/2", "11/2"),
    ("right_number", "50%", "0.5", "50"),
    ("right_number", "12.5%", r"12.5\%", "12%"),
    ("right_number", "Each has 10 / 5 pens.\n#### 2", "2", "5"),
    ("right_choice", "B", "b", "C"),
    ("right_choice", "B", "(B)", "(B"),
    ("right_choice", "B", "[B]", "AB"),
    ("right_choice", "B", "B.", "B+"),
    ("right_choice", "B", "B) Bern", "B or C"),
    ("right_choice", "B", "(B) Bern", "(A) (B)"),
    ("right_choice", "A", "A) Bern\na city", "A) Bern\nB) Basel"),
    ("right_choice", "A", "(A) not far", "(A) nor (B)"),
    ("right_choice", "B) Bern", "B", "Bern"),
    ("right_choice", "A", "A: a dog", "A dog"),
    ("right_choice", "B", "Option B", "Option"),
    ("right_choice", "B", r"\boxed{\text{B}}", r"\boxed{\text{C}}"),
    ("right_choice", "B", "**(B)**", "B) or C)"),
    ("legal_move", "draw stock, pass", "draw  stock", "draw"),
    ("legal_move", "2, 3, 7", "7", "7.0"),
]


def reward(name: str, said: str, answer: str) -> float:
    column = {"answer": [answer], "legal_actions": ["\n".join(answer.split(", "))], "game": ["g"], "seat": [-1]}
    (found,) = REWARDS[name](prompts=["?"], completions=[said], mode="train", **column)
    return found


@pytest.mark.parametrize(("name", "answer", "same", "near"), EQUAL)
def test_a_reward_is_given_for_what_is_equal_and_not_for_a_near_miss(
    name: str, answer: str, same: str, near: str
) -> None:
    for said, wanted in ((same, 1), (near, 0)):
        assert reward(name, f"Reasoning:\n1. {answer}\nAnswer: {said}<end_of_turn>", answer) == wanted


def test_the_docs_show_the_table_of_what_is_equal() -> None:
    text = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    head = "| reward | the trace | 1 for | 0 for |\n|---|---|---|---|\n"
    shown = text.partition(head)[2].partition("\n\n")[0].splitlines()
    written = [f"| {' | '.join([f'`{name}`', *(code(cell) for cell in cells)])} |" for name, *cells in EQUAL]
    assert shown == written


def code(text: str) -> str:
    return "`" + text.replace("\n", "⏎") + "`"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("Reasoning:\n1. Follow suit\nAnswer: QS", "QS"),
        ("Answer:  draw stock \n", "draw stock"),
        ("Answer: 2H\nAnswer: 3H", "3H"),
        ("Answer: def f():\n    return 1\n", "def f():\n    return 1"),
        ("Answer:\nQS", "QS"),
        ("Answer: Final answer: QS", "QS"),
        ("Answer: QS<end_of_turn>", "QS"),
        ("Answer: QS<|im_end|>\n<|im_start|>user\nAnswer: 3H", "QS"),
        ("Answer: QS <|eot_id|><|eot_id|>", "QS"),
        ("<end_of_turn>\nAnswer: QS", None),
        ("The Answer: QS", None),
        ("answer: QS", None),
        ("Answer:", None),
        ("Answer: \n ", None),
        ("", None),
    ],
)
def test_the_answer_goes_from_the_last_line_that_says_so_to_the_end_of_the_turn(said: str, answer: str | None) -> None:
    assert said_answer(said) == answer


PIECES = st.sampled_from(
    [
        *(
            "Answer:",
            "Answer: ",
            "answer :",
            "Final answer: ",
            "**Answer:** ",
            "**",
            "# Answer\n",
            "Reasoning:",
            "1. ",
            "#### ",
            "\\boxed{",
            "}",
        ),
        *(
            " ",
            "  ",
            "\n",
            "\r\n",
            "\t",
            "\u00a0",
            "\u2028",
            "\u200b",
            "\x1c",
            "\v",
            "4",
            "B",
            "x",
            "é",
            "e\u0301",
            ":",
        ),
        *("<|im_end|>", "<end_of_turn>", "<|eot_id|>", "<bos>", "< eos>", "<unused7>", "<|", "[multimodal", "]", "😀"),
    ]
)
ANSWERS = st.lists(PIECES, min_size=1, max_size=12).map("".join) | st.text(max_size=30)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
@settings(max_examples=100, deadline=None, derandomize=True)
@given(ANSWERS.filter(str.strip), st.lists(ANSWERS, max_size=2))
def test_a_trace_s_own_completion_is_right_and_one_with_another_answer_is_not(
    template: Template, answer: str, steps: list[str]
) -> None:
    own = completion(answer, steps, template)
    for said in (own, own.removesuffix(template.model_close), f"{own}\nAnswer: 5"):
        assert [reward(name, said, answer) for name in ANSWER_REWARDS] == [1, 1, 1]
    text = bare(answer)  # a line `Answer: 4` at its end is an answer of its own
    for other in (f"{text} miss", f"miss {text}", f"miss\n{text}", f"{text}\nmiss", f"{text[:-1]}miss"):
        assert reward("right_answer", own, other) == 0
        assert reward("right_answer", completion(other, steps, template), answer) == 0


def completion(answer: str, steps: list[str], template: Template) -> str:
    return render_turns({"prompt": "?", "trace_steps": steps, "final_answer": answer}, template).completion


@pytest.mark.parametrize(
    "answer",
    [
        "48\n",
        " 54",
        "\u00a054\u2003",
        "def double(x):\n    return 2 * x",
        "Each child has 10 / 5 pens.\n#### 2",
        "- one\n- two\n",
        "4\nAnswer: 5",
        "Answer: 4",
        "Final answer: Answer: 4",
        "**Answer:** 4",
        "**Answer: 4**",
        "### Final Answer\n4",
        "\u200bAnswer: \u200b4",
        "Answer:",
        "4<end_of_turn>",
        "<|im_end|>",
        "a <think> b </think>",
        "Reasoning:\n1. x\nAnswer: y",
    ],
)
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_answers_of_every_kind_are_right_in_their_own_completion(template: Template, answer: str) -> None:
    own = completion(answer, ["Answer: no", "2"], template)
    assert [reward(name, own, answer) for name in ANSWER_REWARDS] == [1, 1, 1]
    assert reward("right_answer", own, answer + " x") == reward("right_answer", own, "x " + answer) == 0


def test_an_answer_is_legal_if_it_is_one_of_the_actions() -> None:
    completions = ["Answer: QS", "Answer: Q", "Answer: QS\n3H", "QS", "Answer: draw stock", "Answer: play\n5"]
    actions = ["QS\n3H", "QS\n3H", "QS\n3H", "QS", "draw stock\ndraw discard", "play 5\npass"]
    columns = {"answer": ["x"] * 6, "game": ["g"] * 6}
    assert legal_move(completions=completions, legal_actions=actions, **columns) == [1, 0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    "action",
    ["Answer: pass", "Final answer: pass", "**Answer:** pass", "**Answer: pass**", "Answer:", "Answer: Answer: a"],
)
def test_an_action_that_brings_its_own_answer_mark_is_legal_in_its_own_completion(action: str) -> None:
    own = completion(action, ["x"], load_template("gemma"))
    assert legal_move([own, own], legal_actions=[f"draw\n{action}", "draw"]) == [1, 0]


def test_without_actions_nothing_is_legal() -> None:
    assert legal_move(completions=["Answer: ", "", "Answer: x"], legal_actions=["", "", ""]) == [0, 0, 0]


def test_the_end_of_the_turn_is_no_part_of_an_answer() -> None:
    said = ["Answer: QS<end_of_turn>"]
    assert legal_move(said, legal_actions=["QS\n3H"]) == right_answer(said, answer=["QS"]) == [1]


def test_an_answer_is_right_if_it_is_the_trace_s() -> None:
    assert right_answer(completions=["Answer: QS", "Answer: QH", "QS"], answer=["QS", "QS", "QS"]) == [1, 0, 0]


LONG = 1_000_000


@pytest.mark.parametrize("name", REWARDS)
@pytest.mark.parametrize(
    "text",
    [
        *("7" * LONG, "1," + "000," * (LONG // 4), "1/" * (LONG // 2), "$" * LONG, "{" * LONG, "(" * LONG, "#" * LONG),
        *(r"\frac{" * (LONG // 6), r"\boxed{" * (LONG // 7), " " * LONG),
        *("Answer: " * (LONG // 8), "Answer:\n" * (LONG // 8), "Answer: x\n" * (LONG // 10)),
        *(f"(a){' ' * (answers.LONGEST_TEXT - 20)}or (b)", f"(a){' ' * (answers.LONGEST_TEXT - 20)}(b)"),
    ],
    ids=lambda text: re.sub(r"\s", "_", text[:8]),
)
def test_a_long_completion_takes_no_long_time(name: str, text: str) -> None:
    right = "B" if name == "right_choice" else "42"  # a completion is read as a choice only if the answer is one
    began = time.process_time()
    assert reward(name, f"Answer: {text}", right) == reward(name, f"Answer: {text[: answers.LONGEST_TEXT]}", right) == 0
    assert time.process_time() - began < 2  # it takes some milliseconds


@pytest.mark.parametrize(
    "text", ["1e301", "1e-301", "1e99999", "9^9^9", "99!", "7" * (answers.LONGEST_NUMBER + 1), "1/0"]
)
def test_a_number_that_is_out_of_bounds_is_none(text: str) -> None:
    assert answers.number_of(text) is None
    assert answers.number_of("1e300") == answers.Number(Fraction(10**300))
    assert answers.number_of("7" * answers.LONGEST_NUMBER) == answers.Number(Fraction("7" * answers.LONGEST_NUMBER))
