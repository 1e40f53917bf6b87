"""A few records as they are rendered, of each group one of middling length, what is learned marked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from commands.reporting.columns import Columns, Group
from commands.reporting.texts import texts_at
from stages.cards.markdown import visible
from stages.paths import SPLITS
from training.templates import Template

MAX_SAMPLES = 6
_MOST = 2400  # characters of a prompt, and of a completion, that are shown
_TAIL = 600  # of them at the end


@dataclass(frozen=True)
class Piece:
    """Some text; `mark` where it is one of the template's own."""

    text: str
    mark: bool


@dataclass(frozen=True)
class Sample:
    """A record: its prompt is read, its completion learned."""

    trace_id: str
    group: Group
    split: str
    prompt: list[Piece]
    completion: list[Piece]


def choose_samples(columns: Columns, template: Template) -> list[Sample]:
    """The samples in the order of groups; equal datasets have equal ones."""
    numbers = [_middling(columns, group) for group in range(len(columns.groups))][:MAX_SAMPLES]
    found = {text.number: text for text in texts_at(numbers)}
    return [
        Sample(
            found[number].trace_id,
            columns.groups[columns.group[number]],
            SPLITS[columns.split[number]],
            list(pieces(found[number].prompt, template)),
            list(pieces(found[number].completion, template)),
        )
        for number in numbers
    ]


def _middling(columns: Columns, group: int) -> int:
    """The number of the trace with the median length, of equal ones the earliest."""
    (numbers,) = np.nonzero(columns.group == group)
    order = np.argsort(columns.characters[numbers], kind="stable")
    middle = columns.characters[numbers[order[(len(order) - 1) // 2]]]
    return int(numbers[columns.characters[numbers] == middle][0])


def pieces(text: str, template: Template) -> Iterator[Piece]:
    """The text in pieces, its middle left out where it is long, the template's marks apart."""
    # A trace's own text has none of the marks: rendering neutralises them.
    marks = "|".join(map(re.escape, template.turn_marks))
    for number, part in enumerate(re.split(f"({marks})", _shortened(text))):
        if part:
            yield Piece(visible(part), mark=number % 2 == 1)


def _shortened(text: str) -> str:
    if len(text) <= _MOST:
        return text
    left_out = len(text) - _MOST
    return f"{text[: _MOST - _TAIL]}\n[… {left_out:,} more characters …]\n{text[-_TAIL:]}"
