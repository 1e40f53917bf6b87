"""What an answer says: an exact number, or a choice. A model wrote the text, so every length is bounded.

docs/training.md has a table of what is equal. docs/decisions.md says why no library does this.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

LONGEST_TEXT = 10_000  # characters of an answer that may hold `\boxed{...}` or a line of `####`
LONGEST_NUMBER = 200  # characters of a number, its signs and marks included
_LARGEST_POWER = 300  # of ten

_WHOLE = r"(?:[0-9]{1,3}(?:(?:,|\{,\})[0-9]{3})+|[0-9]+)"
_DECIMAL = rf"(?:{_WHOLE}(?:\.[0-9]*)?|\.[0-9]+)"
_TIMES_TEN = r"\s?(?:\*|x|\u00d7|\\times|\\cdot)\s?10\s?(?:\^|\*\*)\s?"
_POWER = re.compile(rf"({_DECIMAL})(?:[eE]|{_TIMES_TEN})(?:([+-]?[0-9]{{1,3}})|\{{(-?[0-9]{{1,3}})\}})")
_DIVIDED = re.compile(rf"(?:([0-9]+)\s)?({_DECIMAL})\s?/\s?({_DECIMAL})")
_FRACTION = re.compile(
    rf"([0-9]+\s?)?\\[dt]?frac(?:\s?([0-9])\s?([0-9])|\{{\s?({_DECIMAL})\s?\}}\{{\s?({_DECIMAL})\s?\}})"
)
_PLAIN = re.compile(_DECIMAL)
# A sign, a currency and a percent sign, each at most once; a sign may stand on either side of the currency.
_MARKED = re.compile(r"([+-])?\s?(?:\\?([$€£¥₹])\s?)?([+-])?(.*?)(\s?\\?%)?")
_LETTER = r"(?:(?:option|choice)\s+)?(?:\(([a-z])\)[.:]?|\[([a-z])\][.:]?|([a-z])(?:[.):]|\Z))"
# The text after a letter may be anything but a second choice.
_CHOICE = re.compile(
    rf"{_LETTER}(?:\s+(?!(?:(?:or|and|nor|but|not)\s+|[&,/]\s*){{0,3}}{_LETTER}(?:\s|\Z))\S.*)?",
    re.DOTALL | re.IGNORECASE | re.ASCII,
)
_NEXT_CHOICE = re.compile(r"\s*(?:\([a-z]\)|\[[a-z]\]|[a-z][.):])(?:\s|\Z)", re.IGNORECASE | re.ASCII)
# Full-width ASCII, and the minus sign.
_FORMS = {0xFF01 + i: 0x21 + i for i in range(94)} | {0x2212: ord("-")}
_AROUND = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("`", "`"))
_COMMANDS = ("\\boxed", "\\text", "\\textbf", "\\mathrm", "\\mathbf")


class Number(NamedTuple):
    """A number, and the sign of the currency that it is an amount of, or an empty text."""

    value: Fraction
    currency: str = ""

    def is_same(self, other: Number) -> bool:
        """Whether the values are equal. `$42` is 42, since many leave the currency out, but not `€42`."""
        return self.value == other.value and (self.currency == other.currency or not (self.currency and other.currency))


def number_of(answer: str) -> Number | None:
    """The number that an answer is, and nothing else; None if it is none. A percentage is so many hundredths."""
    text = " ".join(_core(answer).split())
    if len(text) > LONGEST_NUMBER:
        return None
    found = _MARKED.fullmatch(text.removesuffix("."))
    if not found or (found[1] and found[3]):
        return None
    value = _unsigned(found[4])
    if value is None:
        return None
    value = value / 100 if found[5] else value
    return Number(-value if "-" in (found[1], found[3]) else value, found[2] or "")


def choice_of(answer: str) -> str | None:
    """The letter (in upper case) of the choice that an answer is, alone or before the choice's text; None if none."""
    core = _core(answer)
    # Each run of blanks as one space: `_CHOICE` looks for a second choice from every place in a run.
    found = _CHOICE.fullmatch(" ".join(core.split()))
    if not found or any(map(_NEXT_CHOICE.match, core.splitlines()[1:])):
        return None
    return (found[1] or found[2] or found[3]).upper()


def _core(answer: str) -> str:
    r"""What follows the last `####` or stands in the last `\boxed{...}`, else all; without marks around it."""
    if len(answer) > LONGEST_TEXT:
        return ""
    text = answer.translate(_FORMS)
    boxed = text.rfind("\\boxed{")
    marked = text.rfind("\n####") + 1 or (0 if text.startswith("####") else -1)
    if boxed > marked:
        text = _braced(text, boxed + len("\\boxed{"))
    elif marked >= 0:
        text = text[marked:].lstrip("#")
    return _unwrapped(text.strip())


def _braced(text: str, start: int) -> str:
    """The text up to the brace that closes the one before `start`; empty if none does."""
    depth = 1
    for end in range(start, len(text)):
        depth += (text[end] == "{") - (text[end] == "}")
        if not depth:
            return text[start:end]
    return ""


def _unwrapped(text: str) -> str:
    """The text without the marks of mathematics and emphasis around all of it, at most three deep."""
    for _ in range(3):
        inner = text.removesuffix(".")
        for before, after in _AROUND:
            if inner.startswith(before) and inner.endswith(after) and len(inner) > len(before) + len(after):
                text = inner[len(before) : -len(after)].strip()
                break
        else:
            command, brace, rest = inner.partition("{")
            if brace and command in _COMMANDS and _braced(rest, 0) == rest[:-1]:
                text = rest[:-1].strip()
    return text


def _unsigned(text: str) -> Fraction | None:
    if _PLAIN.fullmatch(text):
        return _decimal(text)
    if found := _POWER.fullmatch(text):
        power = int(found[2] or found[3])
        return _decimal(found[1]) * Fraction(10) ** power if abs(power) <= _LARGEST_POWER else None
    if found := _DIVIDED.fullmatch(text) or _FRACTION.fullmatch(text):
        whole, *parts = found.groups()
        above, below = (_decimal(part) for part in parts if part is not None)
        return int(whole or 0) + above / below if below else None
    return None


def _decimal(text: str) -> Fraction:
    return Fraction(text.replace("{,}", "").replace(",", ""))
