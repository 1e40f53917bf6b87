"""Text from a trace is data: no control token of any template on offer may come out of it."""

from __future__ import annotations

import re
from functools import cache

from training.templates import load_template, template_names


@cache
def _pattern() -> tuple[re.Pattern[str], tuple[str, ...]]:
    """Any control token of any template, and the two characters that each begins with."""
    tokens = sorted({token for name in template_names() for token in load_template(name).control_tokens})
    sources = [re.escape(token).replace(re.escape("{n}"), "[0-9]+") for token in tokens]
    return re.compile("|".join(sources)), tuple(sorted({token[:2] for token in tokens}))


def has_control_token(text: str) -> bool:
    """Whether `text` holds one."""
    pattern, starts = _pattern()
    # Most text holds no start of a token at all, and a plain search is far faster than the pattern.
    return any(start in text for start in starts) and pattern.search(text) is not None


def neutralise(text: str) -> str:
    """`text` with a space after the first character of each control token, until none is left.

    Nothing is taken away, so no token can form from what stood around another one; the text stays
    readable, and neutralising it again changes nothing.
    """
    pattern, _ = _pattern()
    while has_control_token(text):
        text = pattern.sub(lambda token: f"{token[0][0]} {token[0][1:]}", text)
    return text
