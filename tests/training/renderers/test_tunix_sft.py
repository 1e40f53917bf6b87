"""The tunix_sft text: as established, its boundary known, and one user and one model turn whatever a trace says."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.control_tokens import has_control_token
from training.renderers.tunix_sft import (
    Example,
    is_one_exchange,
    render_columns,
    render_tunix_prompt,
    render_turns,
    turn_texts,
)
from training.templates import Template, load_template, template_names

GEMMA = load_template("gemma")
EXAMPLE: Example = {"prompt": "2 + 2?", "trace_steps": ["Two.", "And two."], "final_answer": "4"}
TEXT = """<start_of_turn>user
2 + 2?<end_of_turn>
<start_of_turn>model
Reasoning:
1. Two.
2. And two.
Answer: 4<end_of_turn>"""


def test_the_text_is_the_established_one() -> None:
    assert render_tunix_prompt(EXAMPLE) == TEXT


def test_without_steps_there_is_no_reasoning() -> None:
    text = render_tunix_prompt({**EXAMPLE, "trace_steps": []})
    assert text.endswith("<start_of_turn>model\nAnswer: 4<end_of_turn>")


def test_the_prompt_ends_in_the_open_model_turn_and_the_completion_ends_it() -> None:
    rendered = render_turns(EXAMPLE, GEMMA)
    assert rendered.prompt == "<start_of_turn>user\n2 + 2?<end_of_turn>\n<start_of_turn>model\n"
    assert rendered.completion == "Reasoning:\n1. Two.\n2. And two.\nAnswer: 4<end_of_turn>"


def test_a_system_text_opens_the_user_s_turn_and_is_data_too() -> None:
    rendered = render_turns(EXAMPLE, GEMMA, "Think.<end_of_turn>")
    assert rendered.prompt.startswith("<start_of_turn>user\nThink.< end_of_turn>\n\n2 + 2?<end_of_turn>\n")


def test_rendering_changes_nothing_that_it_was_given() -> None:
    steps = ["<bos>"]
    render_tunix_prompt({**EXAMPLE, "trace_steps": steps})
    assert steps == ["<bos>"]


def completion(steps: list[str], answer: str = "4") -> str:
    """The lines of the model's turn, without its end."""
    rendered = render_turns({"prompt": "?", "trace_steps": steps, "final_answer": answer}, GEMMA)
    return rendered.completion.removeprefix("Reasoning:\n").removesuffix("<end_of_turn>")


@pytest.mark.parametrize(
    "steps",
    [
        ["1. Two.", "2. And two."],
        ["1) Two.", "2) And two."],
        ["(1) Two.", "(2) And two."],
        ["Step 1: Two.", "Step 2: And two."],
        ["STEP 1. Two.", "step 2 - And two."],
        ["1: Two.", "2: And two."],
        ["  1.\tTwo.", "\n2.\nAnd two."],
        ["0. Two.", "1. And two."],
        ["Step 0: Two.", "Step 1: And two."],
        ["1. Two.", "And two."],
        ["Two.", "2. And two."],
        ["[1] Two.", "[2] And two."],
        ["1、Two.", "２．And two."],
        ["（1）Two.", "Step 2：And two."],
        ["\u200b1. Two.", "\ufeff 2. And two."],
        ["**1.** Two.", "**2**. And two."],
        ["**Step 1:** Two.", "**Step 2**: And two."],
        ["_Step 1._ Two.", "__2)__ And two."],
        ["### Step 1\nTwo.", "### Step 2: And two."],
        ["- 1. Two.", "* **Step 2:** And two."],
        ["Step 1 of 2: Two.", "Step 2/2 \u2013 And two."],
        ["Step #1\n\nTwo.", "Step2: And two."],
    ],
)
def test_a_step_that_brings_its_own_number_is_not_numbered_twice(steps: list[str]) -> None:
    assert completion(steps) == "1. Two.\n2. And two.\nAnswer: 4"


@pytest.mark.parametrize(
    "step",
    [
        "3.14 is pi",
        "1.5 litres",
        "1, 2 and 3",
        "1 apple",
        "2. The second first",
        "2) a part of it",
        "2024. That was a year",
        "1: 3 is the ratio",
        "1 : 3 is the ratio",
        "Step 2: later",
        "Steps 1: to 3",
        "(1. in parentheses)",
        "-1. is negative",
        "1.",
        "Step 1:",
        "**Step 1:**",
        "### 1.\u200b",
        "Step 1 is to add",
        "**Step 1** is to add",
        "Step 1-2: both",
        "Step 1.5 of the guide",
        "[1, 2] is a list",
        "**1: 3** is the ratio",
        "1st of all",
        "1/2 of it",
        "1.a",
        "# One heading",
        "- One of a list",
        "I. Roman",
        "10000. Too long",
    ],
)
def test_a_step_that_begins_with_another_number_stays_as_it_is(step: str) -> None:
    assert completion([step]) == f"1. {step}\nAnswer: 4"


@pytest.mark.parametrize("step", ["**1. Add** both.", "**Step 1: Add** both.", "**1.** **Add** both."])
def test_emphasis_that_goes_on_after_a_number_stays_whole(step: str) -> None:
    assert completion([step]) == "1. **Add** both.\nAnswer: 4"


def test_each_trace_counts_its_own_steps() -> None:
    """The same batch holds traces with and without numbers, from 0 and from 1, and without steps."""
    traces = [["1. a", "2. b"], [], ["a", "b"], ["0) a", "1) b", "3) c"], ["2. a", "1. b"]]
    texts = pa.array(["?"] * len(traces), pa.string())
    _, found = render_columns(texts, pa.array(traces, pa.list_(pa.string())), texts, GEMMA)
    lines = [text.removeprefix("Reasoning:\n").partition("Answer:")[0].splitlines() for text in found.to_pylist()]
    assert lines == [["1. a", "2. b"], [], ["1. a", "2. b"], ["1. a", "2. b", "3. 3) c"], ["1. 2. a", "2. 1. b"]]


@pytest.mark.parametrize(
    "answer",
    [
        "Answer: 4",
        "answer : 4",
        "ANSWER:4",
        "Final answer: 4",
        "\nFinal Answer:\n4",
        "**Answer:** 4",
        "Answer：4",
        "Answer: Answer: 4",
        "**Answer**: 4",
        "*Answer:* 4",
        "__Final answer:__ 4",
        "### Final Answer\n4",
        "**Final Answer**\n\n4",
        "The final answer: 4",
        "- Answer: 4",
        "\u200bAnswer: 4",
    ],
)
def test_an_answer_that_brings_its_own_prefix_is_not_prefixed_twice(answer: str) -> None:
    assert completion([], answer) == "Answer: 4"


@pytest.mark.parametrize(
    "answer",
    [
        *("Answers: 4", "Answer 4", "Answer key: 4", "Answer is 4", "An answer: 4", "Answerable: yes", "Final: 4"),
        *("Answer**: 4", "**Answer:**", "## Answer", "- 4", "**4**"),
        *("4 Answer: 5", "4\nAnswer: 5", " 4 ", "Answer:", "Answer: \n", "Answer:\u00a0", "Answer:\u200b"),
    ],
)
def test_an_answer_with_another_beginning_stays_as_it_is(answer: str) -> None:
    assert completion([], answer) == f"Answer: {answer}"


def test_emphasis_that_goes_on_after_the_prefix_stays_whole() -> None:
    assert completion([], "**Answer: 4** apples") == completion([], "Answer: **4** apples") == "Answer: **4** apples"


TEMPLATES = [load_template(name) for name in template_names()]
HOSTILE = st.lists(
    st.sampled_from(
        [
            *(token.replace("{n}", "0") for template in TEMPLATES for token in template.control_tokens),
            *("<end_of", "_turn>", "<|im_", "end|>", "<|", "\n", "user", "model", "assistant", "x"),
        ]
    ),
    max_size=8,
).map("".join)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
@settings(max_examples=300, deadline=None, derandomize=True)
@given(HOSTILE, st.lists(HOSTILE, max_size=3), HOSTILE, st.none() | HOSTILE)
def test_no_trace_can_open_or_close_a_turn(
    template: Template, prompt: str, steps: list[str], answer: str, system: str | None
) -> None:
    example: Example = {"prompt": prompt, "trace_steps": steps, "final_answer": answer}
    rendered = render_turns(example, template, system)
    assert is_one_exchange(*rendered, template)
    assert is_one_exchange(rendered.prompt, "", template)
    user, model = turn_texts(rendered, template)
    assert not has_control_token(user)
    assert not has_control_token(model)
    head = f"{template.user_open}{user}{template.user_close}{template.model_open}"
    assert rendered == (head, f"{model}{template.model_close}")


def test_what_is_not_one_exchange_is_seen() -> None:
    start = TEXT.index("Reasoning:")
    assert is_one_exchange(TEXT[:start], TEXT[start:], GEMMA)
    for broken in (
        TEXT[:-1],
        TEXT + "\n",
        " " + TEXT,
        TEXT + TEXT,
        TEXT.replace("Two.", "<end_of_turn>"),
        TEXT.replace("Two.", "<start_of_turn>model\n"),
        TEXT.replace("<start_of_turn>model\n", ""),
        TEXT.replace("2 + 2?", "<start_of_turn>user\n2 + 2?"),
        "",
    ):
        cut = broken.find("Reasoning:")
        assert not is_one_exchange(broken[:cut], broken[cut:], GEMMA), broken
