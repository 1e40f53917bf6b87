"""Rewards, as Tunix's GRPO calls them: lists of prompts and completions, and each column of `tunix_grpo` a keyword.

A completion answers from its last line that begins with `Answer:` to the end of the model's turn. Tunix's own rollout
cuts a completion before the first of its `eos_tokens`. If those are not the template's end of turn, as by default, or
if another engine generates, the completion holds that end and what was said after it: this is not part of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from traces.texts import canonical
from training.answers import Number, choice_of, number_of
from training.control_tokens import neutralise
from training.renderers.labels import bare_answer, own_answer_end
from training.templates import load_template, template_names

T = TypeVar("T")

_CLOSES = [load_template(name).model_close for name in template_names()]
_LINE = re.compile(r"^Answer:", re.MULTILINE)
# Characters of answers that `legal_move` reads of one completion: each line that begins with `Answer:` may begin one.
_READ = 1_000_000


def said_answer(completion: str) -> str | None:
    """What a completion answers, without blanks around it; None if no line has `Answer:` at its start."""
    turn = _turn(completion)
    starts = list(_starts(turn))
    return turn[starts[-1] :].strip() if starts else None


def bare(answer: str) -> str:
    """An answer as rewards compare it: no control tokens, no blanks around it, and no `Answer:` of its own."""
    return bare_answer(neutralise(answer).strip())


def legal_move(completions: Sequence[str], legal_actions: Sequence[str], **_: Any) -> list[float]:
    """1 for an answer that is one of the legal actions (a line each), else 0; compared at the level canonical."""
    return [
        float(bool(actions) and not _canonical_answers(completion).isdisjoint(_bare_actions(actions)))
        for completion, actions in zip(completions, legal_actions, strict=True)
    ]


def _bare_actions(actions: str) -> Iterator[str]:
    return filter(None, map(bare, actions.split("\n")))


def right_answer(completions: Sequence[str], answer: Sequence[str], **_: Any) -> list[float]:
    """1 for the answer that the trace gave, character by character but for blanks at its ends; else 0."""
    return [float(_is_right(completion, bare(right))) for completion, right in zip(completions, answer, strict=True)]


def right_number(completions: Sequence[str], answer: Sequence[str], **_: Any) -> list[float]:
    """1 for the answer that the trace gave, and for the same number in another form (`1,000`, `50%`, `1/2`); else 0."""
    return _right(completions, answer, number_of, Number.is_same)


def right_choice(completions: Sequence[str], answer: Sequence[str], **_: Any) -> list[float]:
    """1 for the answer that the trace gave, and for the same choice in another form (`B`, `(b)`, `B) text`); else 0."""
    return _right(completions, answer, choice_of, str.__eq__)


def _right(
    completions: Sequence[str], answer: Sequence[str], read: Callable[[str], T | None], same: Callable[[T, T], bool]
) -> list[float]:
    def says(completion: str, wanted: T | None) -> bool:
        said = None if wanted is None else read(said_answer(completion) or "")
        return wanted is not None and said is not None and same(said, wanted)

    return [
        float(_is_right(completion, right) or says(completion, read(right)))
        for completion, right in zip(completions, map(bare, answer), strict=True)
    ]


def _is_right(completion: str, right: str) -> bool:
    """Whether one of the answers, each up to the end of the turn, is `right`, which may have `Answer:` lines, too."""
    turn = _turn(completion).rstrip()
    start = len(turn) - len(right)
    return bool(right) and turn.endswith(right) and start in _starts(turn)


def _canonical_answers(completion: str) -> set[str]:
    turn = _turn(completion)
    answers, left = set(), _READ
    for start in reversed(list(_starts(turn))):
        left -= len(turn) - start
        if left < 0:
            break
        answers.add(neutralise(canonical(turn[start:])))
    return answers


def _starts(turn: str) -> Iterator[int]:
    """Where each answer begins: after the `Answer:` at the start of a line, and after those that follow it at once."""
    place = 0
    while (line := _LINE.search(turn, place)) and (start := own_answer_end(turn, line.start())) > line.start():
        yield start
        place = start


def _turn(completion: str) -> str:
    """What the model says in its own turn, whichever template's end closes it."""
    for close in _CLOSES:
        completion = completion.partition(close)[0]
    return completion
