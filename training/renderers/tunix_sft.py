"""The `tunix_sft` text: the question as the user's turn, reasoning and answer as the model's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from operator import add
from typing import NamedTuple, TypedDict

from training.control_tokens import neutralise
from training.templates import Template, load_template


class Example(TypedDict):
    """What is rendered: the question, the steps' contents in order, the answer."""

    prompt: str
    trace_steps: Sequence[str]
    final_answer: str


class Rendered(NamedTuple):
    """`prompt` ends in the open model turn; `completion` is what the model should learn, and ends its turn."""

    prompt: str
    completion: str


def render_tunix_prompt(example: Example) -> str:
    """The whole text in Gemma's template, as established; control tokens in it are neutralised."""
    return "".join(render_turns(example, load_template("gemma")))


def render_turns(example: Example, template: Template, system: str | None = None) -> Rendered:
    """Prompt and completion apart, so that the boundary is known and never searched for.

    A `system` text opens the user's turn, a blank line before the question: Gemma has no system turn.
    """
    return make_renderer(template, system)(example["prompt"], example["trace_steps"], example["final_answer"])


def make_renderer(template: Template, system: str | None = None) -> Callable[[str, Sequence[str], str], Rendered]:
    """`render_turns` for many: a function of question, steps and answer, with what is always the same made once."""
    before = template.user_open + (f"{neutralise(system)}\n\n" if system else "")
    after = template.user_close + template.model_open
    end = template.model_close

    def render(question: str, steps: Sequence[str], answer: str) -> Rendered:
        return Rendered(f"{before}{neutralise(question)}{after}", render_reasoning(steps, answer) + end)

    return render


def turn_texts(rendered: Rendered, template: Template) -> tuple[str, str]:
    """What the user and the model say in a rendered text, without the marks of their turns."""
    user_end = -len(template.user_close + template.model_open)
    return rendered.prompt[len(template.user_open) : user_end], rendered.completion[: -len(template.model_close)]


def render_reasoning(steps: Sequence[str], answer: str) -> str:
    """The model's turn without its end: numbered steps, where there are any, and the answer.

    Neutralised as a whole: no control token holds a line's end or begins with what is put before a step or an answer,
    so that none can form across them.
    """
    reasoning = "Reasoning:\n" if steps else ""
    lines = "\n".join([*map(add, _numbers(len(steps)), steps), f"Answer: {answer}"])
    return neutralise(reasoning + lines)


@cache
def _numbers(count: int) -> list[str]:
    return [f"{number}. " for number in range(1, count + 1)]


def is_one_exchange(prompt: str, completion: str, template: Template) -> bool:
    """Whether `prompt` is one user turn and the open model turn, and `completion` ends that, and nothing else."""
    # A turn's marks are its first lines and its end; each must be there once, in its place.
    text = prompt + completion
    opens = text.count(template.user_open.strip()), text.count(template.model_open.strip())
    closes = text.count(template.model_close)
    expected = (template.user_close.strip() == template.model_close) + bool(completion)
    return (
        opens == (1, 1)
        and closes == expected
        and prompt.startswith(template.user_open)
        and prompt.endswith(template.user_close + template.model_open)
        and completion.endswith(template.model_close if completion else "")
    )
