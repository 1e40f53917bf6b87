"""The tunix_sft text: as established, its boundary known, and one user and one model turn whatever a trace says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from training.renderers.tunix_sft import Example, is_one_exchange, render_tunix_prompt, render_turns
from training.templates import load_template

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


HOSTILE = st.lists(
    st.sampled_from(
        [*(t.replace("{n}", "0") for t in GEMMA.control_tokens), "<end_of", "_turn>", "\n", "user", "model", "x"]
    ),
    max_size=8,
).map("".join)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(HOSTILE, st.lists(HOSTILE, max_size=3), HOSTILE, st.none() | HOSTILE)
def test_no_trace_can_open_or_close_a_turn(prompt: str, steps: list[str], answer: str, system: str | None) -> None:
    example: Example = {"prompt": prompt, "trace_steps": steps, "final_answer": answer}
    rendered = render_turns(example, GEMMA, system)
    assert is_one_exchange(rendered.prompt + rendered.completion, GEMMA)
    assert rendered.prompt.endswith(GEMMA.model_open)
    assert rendered.completion.endswith(GEMMA.model_close)


def test_what_is_not_one_exchange_is_seen() -> None:
    assert is_one_exchange(TEXT, GEMMA)
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
        assert not is_one_exchange(broken, GEMMA), broken
