"""Rewards for card games, as Tunix's GRPO calls them: lists of prompts and completions, each column a keyword.

Tunix's own rollout cuts a completion before the first of its `eos_tokens`. Where those are not the template's end of
turn, as by default, or where another engine generates, the completion holds that end and what was said after it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from traces.texts import canonical
from training.renderers.tunix_sft import OWN_ANSWER
from training.templates import load_template, template_names

_ANSWER = re.compile(r"^Answer:[^\S\n]*\n?\s*", re.MULTILINE)
_OWN = re.compile(rf"\A{OWN_ANSWER}(?=\S)")


def said_answer(completion: str) -> str | None:
    """What a completion answers: from the last line that begins with `Answer:` to the end of the turn.

    Without blanks around it; None if there is no such line. Only the model's turn counts, whichever template's end
    closes it.
    """
    turn = _turn(completion)
    answers = list(_ANSWER.finditer(turn))
    return turn[answers[-1].end() :].strip() if answers else None


def _candidates(completion: str) -> list[str]:
    """What a completion may answer: from each line that begins with `Answer:`, since an answer may have such lines, too."""
    turn = _turn(completion)
    return [bare(turn[found.end() :]) for found in _ANSWER.finditer(turn)]


def bare(answer: str) -> str:
    """An answer as rewards compare it: without blanks around it, and without an `Answer:` of its own."""
    return _OWN.sub("", answer, count=1).strip()


def _turn(completion: str) -> str:
    for name in template_names():
        completion = completion.partition(load_template(name).model_close)[0]
    return completion


def legal_move(completions: Sequence[str], legal_actions: Sequence[str], **_: Any) -> list[float]:
    """1 for an answer that is one of the legal actions (a line each), else 0. White space within counts as one blank."""
    return [
        float(not {canonical(said) for said in _candidates(completion)}.isdisjoint(filter(None, actions.split("\n"))))
        for completion, actions in zip(completions, legal_actions, strict=True)
    ]


def right_answer(completions: Sequence[str], answer: Sequence[str], **_: Any) -> list[float]:
    """1 for the answer that the trace gave, else 0."""
    pairs = zip(completions, map(bare, answer), strict=True)
    return [float(bool(right) and right in _candidates(completion)) for completion, right in pairs]
