"""Text from a trace is data: no control token of any template on offer may come out of it.

The tokenizers of these families match their added tokens in the text as it is, before they normalise it and
whatever stands around a token. So does this module: exactly, and after everything else was done to a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

import pyarrow as pa

from training.templates import load_template, template_names

PIECE = 1 << 18  # bytes searched at once: what fits into a core's cache
_NUMBER = "{n}"


class _Group(NamedTuple):
    """The tokens that begin with one character. Python finds a single character ten times as fast as a longer text."""

    first: str
    pattern: re.Pattern[str]
    opening: re.Pattern[bytes]  # of each token the part before a number, which has a largest length


@cache
def all_control_tokens() -> list[str]:
    """The control tokens of all templates; `{n}` stands for any whole number."""
    return sorted({token for name in template_names() for token in load_template(name).control_tokens})


@cache
def _groups() -> list[_Group]:
    groups = []
    for first, alike in groupby(all_control_tokens(), key=lambda token: token[0]):
        tokens = list(alike)
        openings = (token.partition(_NUMBER)[0] for token in tokens)
        groups.append(_Group(first, re.compile(_source(tokens)), re.compile(_source(openings).encode())))
    return groups


def _source(tokens: Iterable[str]) -> str:
    """A regular expression for any of these tokens, what several begin with written once: a trie."""
    rest: dict[str, list[str]] = {}
    for token in tokens:
        head = _NUMBER if token.startswith(_NUMBER) else token[:1]
        rest.setdefault(head, []).append(token[len(head) :])
    ends = rest.pop("", None) is not None
    branches = [("[0-9]+" if head == _NUMBER else re.escape(head)) + _source(tails) for head, tails in rest.items()]
    if not branches:
        return ""
    source = "|".join(branches)
    # The longest first, as the tokenizers take it.
    return f"(?:{source})?" if ends else source if len(branches) == 1 else f"(?:{source})"


def find_control_token(text: str) -> str | None:
    """A control token that `text` holds, or None."""
    for group in _groups():
        # Most text holds no token's first character at all.
        if group.first in text and (found := group.pattern.search(text)):
            return found[0]
    return None


def has_control_token(text: str) -> bool:
    """Whether `text` holds a control token."""
    return find_control_token(text) is not None


def control_token_fault(*texts: str) -> str | None:
    """Names a control token that one of these texts holds; None if none does."""
    # All at once, which is faster: no control token holds a newline, so none can form across one.
    token = find_control_token("\n".join(texts))
    return f"the text holds the control token {token}" if token else None


def neutralise(text: str) -> str:
    """`text` with a space after the first character of each control token, until none is left.

    Nothing is taken away, so no token can form from what stood around another one; the text stays
    readable, and neutralising it again changes nothing.
    """
    while has_control_token(text):
        for group in _groups():
            text = group.pattern.sub(lambda token: f"{token[0][0]} {token[0][1:]}", text)
    return text


def neutralise_column(texts: Any) -> Any:
    """`neutralise` of each text in one of Arrow's columns."""
    longest = max(map(len, all_control_tokens()))
    if not any(_may_hold_a_token(piece) for piece in _data(texts, overlap=longest)):
        return texts
    return pa.array([neutralise(text) for text in texts.to_pylist()], pa.string())


def _may_hold_a_token(piece: bytes) -> bool:
    return any(group.first.encode() in piece and group.opening.search(piece) for group in _groups())


def _data(texts: Any, overlap: int) -> Iterator[bytes]:
    """All texts of a column, end to end, in pieces that overlap."""
    _, offsets, data = texts.buffers()
    if data is not None and offsets is not None and len(texts):
        ends = memoryview(offsets).cast("i")
        last = ends[texts.offset + len(texts)]
        for first in range(ends[texts.offset], last, PIECE):
            yield bytes(memoryview(data)[first : min(first + PIECE + overlap, last)])
