"""Rewards for card games, as Tunix's GRPO calls them: lists of prompts and completions, each column a keyword.

Tunix's own rollout cuts a completion before the first of its `eos_tokens`. Where those are not the template's end of
turn, as by default, or where another engine generates, the completion holds that end and what was said after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training.templates import load_template, template_names


def said_answer(completion: str) -> str | None:
    """What a completion answers: the rest of the last line that begins with `Answer: `, None where there is none.

    Only the model's turn counts, whichever template's end closes it.
    """
    for name in template_names():
        completion = completion.partition(load_template(name).model_close)[0]
    lines = [line for line in completion.split("\n") if line.startswith("Answer: ")]
    return lines[-1].removeprefix("Answer: ").strip() if lines else None


def legal_move(completions: Sequence[str], legal_actions: Sequence[str], **_: Any) -> list[float]:
    """1 for an answer that is one of the legal actions (a line each), else 0."""
    return [
        float(bool(actions) and said_answer(completion) in actions.split("\n"))
        for completion, actions in zip(completions, legal_actions, strict=True)
    ]


def right_answer(completions: Sequence[str], answer: Sequence[str], **_: Any) -> list[float]:
    """1 for the answer that the trace gave, else 0."""
    return [float(said_answer(completion) == right) for completion, right in zip(completions, answer, strict=True)]
