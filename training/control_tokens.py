"""Text from a trace is data: no control token of any template on offer may come out of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from os.path import commonprefix
from typing import Any

import pyarrow as pa

from training.templates import load_template, template_names

PIECE = 1 << 18  # bytes looked through at once: what fits into a core's cache


@cache
def all_control_tokens() -> list[str]:
    """The control tokens of all templates; `{n}` stands for any whole number."""
    return sorted({token for name in template_names() for token in load_template(name).control_tokens})


@cache
def _pattern() -> tuple[re.Pattern[str], tuple[str, ...]]:
    """Any control token, and how they begin: of those with one first character, all that they share."""
    tokens = all_control_tokens()
    sources = [re.escape(token).replace(re.escape("{n}"), "[0-9]+") for token in tokens]
    alike = groupby(tokens, key=lambda token: token[0])
    return re.compile("|".join(sources)), tuple(commonprefix(list(group)) for _, group in alike)  # noqa: RUF071 - texts


def has_control_token(text: str) -> bool:
    """Whether `text` holds one."""
    pattern, starts = _pattern()
    # Most text holds no start of a token at all, and a plain search is far faster than the pattern.
    for start in starts:
        if start in text:
            return pattern.search(text) is not None
    return False


def neutralise(text: str) -> str:
    """`text` with a space after the first character of each control token, until none is left.

    Nothing is taken away, so no token can form from what stood around another one; the text stays
    readable, and neutralising it again changes nothing.
    """
    pattern, _ = _pattern()
    while has_control_token(text):
        text = pattern.sub(lambda token: f"{token[0][0]} {token[0][1:]}", text)
    return text


def neutralise_column(texts: Any) -> Any:
    """`neutralise` of each text in one of Arrow's columns."""
    _, starts = _pattern()
    marks = [start.encode() for start in starts]
    if not any(mark in held for held in _data(texts, max(map(len, marks))) for mark in marks):
        return texts
    return pa.array([neutralise(text) for text in texts.to_pylist()], pa.string())


def _data(texts: Any, overlap: int) -> Iterator[bytes]:
    """All texts of a column, end to end, in pieces that overlap."""
    _, offsets, data = texts.buffers()
    if data is not None and offsets is not None and len(texts):
        ends = memoryview(offsets).cast("i")
        last = ends[texts.offset + len(texts)]
        for first in range(ends[texts.offset], last, PIECE):
            yield bytes(memoryview(data)[first : min(first + PIECE + overlap, last)])
