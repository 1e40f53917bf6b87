"""The labels that a step or an answer brings itself: its number, or `Answer:`. The rendered text has labels of its own.

A label may stand in emphasis, in a heading or in a list of Markdown, and be written in full-width characters. A text
loses its label only if something visible follows.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from traces.texts import INVISIBLE, is_blank

_BLANKS = f"[{INVISIBLE}]"
_BEFORE = r"(?:\#{1,6}[ \t]++|[-*•][ \t]++)? (?P<mark>\*\*|__|[*_]|)"
_CLOSED = "(?:(?P=mark))?+"
_NUMERAL = r"[0-9\uff10-\uff19]{1,4}"
_WIDE = "、。：）．"  # noqa: RUF001 - full-width marks, after which no blank is needed
_COLON = "[:：]"  # noqa: RUF001 - the full-width colon
# `2)`, `(2)`, `[2]`, `2.`, `2、`, `Step 2:`, a line `Step 2`; and `2:` before anything but a number: `1: 3` is a ratio.
_NUMBER = re.compile(
    rf"""(?xi)
    {_BLANKS}*+ {_BEFORE}
    (?:
        step [ \t]*+ \#? (?P<step>{_NUMERAL}) (?: [ ]?(?:of|/)[ ]?{_NUMERAL} )?
            (?: {_CLOSED} [ \t]*+ (?: \r?\n | [-–—.:){_WIDE}] {_CLOSED} ) )
        | [(（] (?P<in_round>{_NUMERAL}) [)）] {_CLOSED}
        | \[ (?P<in_square>{_NUMERAL}) \] {_CLOSED}
        | (?P<alone>{_NUMERAL}) {_CLOSED} (?: [.){_WIDE.replace("：", "")}] | {_COLON} (?! [ \t*_]*[0-9]) ) {_CLOSED}
    )
    (?: {_BLANKS}++ | (?<=[\n*_{_WIDE}]) ) (?=.)
    """  # noqa: RUF001 - the dashes and the full-width marks
)
_ANSWER = re.compile(
    rf"""(?xi)
    {_BLANKS}*+ {_BEFORE} (?:the[ ])? (?:final[ ])? answer {_CLOSED} [ \t]*+ (?: {_COLON} {_CLOSED} | \r?\n )
    \s*+ (?=\S)
    """
)


_BEGINS = INVISIBLE.encode().decode("unicode_escape") + r"#*_•\[(（-"  # noqa: RUF001
# What every label of a step begins with, for RE2: most steps have none.
MAY_BE_NUMBERED = rf"(?i)^[{_BEGINS}]*(?:step|[0-9０-９]{{1,4}}[*_]*[])）.．:：、。])"  # noqa: RUF001


class Numbered(NamedTuple):
    """The number that a step brings, and the step without it."""

    number: int
    rest: str


def own_number(step: str) -> Numbered | None:
    """What a step says its number is, and the rest of it; None if it says none."""
    found = _NUMBER.match(step)
    if found is None:
        return None
    number = next(filter(None, found.group("step", "in_round", "in_square", "alone")))
    return Numbered(int(number), _opened(found) + step[found.end() :])


def bare_answer(answer: str) -> str:
    """An answer without an `Answer:` of its own; as it is if it says nothing else."""
    opened, place = "", 0
    while found := _ANSWER.match(answer, place):
        opened, place = opened + _opened(found), found.end()
    rest = answer[place:]
    return answer if is_blank(rest) else opened + rest


def own_answer_end(text: str, place: int = 0) -> int:
    """Where the text goes on after each `Answer:` that stands at `place`; `place` itself if none does."""
    while found := _ANSWER.match(text, place):
        place = found.end()
    return place


def _opened(label: re.Match[str]) -> str:
    """The mark of emphasis that begins in a label and ends after it, since it belongs to the rest."""
    mark = label["mark"]
    return mark if mark and label[0][label.start("mark") - label.start() :].count(mark) == 1 else ""
