"""Markdown with text of others in it: what comes out of a trace must neither end a block nor become a link."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

_NAME_LENGTH = 60
# What shows nothing, or turns the text around it. A list, for what `isprintable` says depends on Python's version.
_HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x80-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table, of cells that are Markdown already."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def fenced(text: str, language: str = "json") -> str:
    """A block of code. JSON by lines has no line that begins with a backtick, so nothing in it ends the block."""
    return f"```{language}\n{text}\n```"


def inline(text: str) -> str:
    """A name out of a trace: as code where it is a plain word, else with all that Markdown minds escaped."""
    if re.fullmatch(rf"[A-Za-z0-9_.-]{{1,{_NAME_LENGTH}}}", text):
        return f"`{text}`"
    line = visible(text).replace("\n", r"\n")
    line = line if len(line) <= _NAME_LENGTH else f"{line[: _NAME_LENGTH - 1]}…"
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", line)


def visible(text: str) -> str:
    """`text` with what cannot be seen written as JSON writes it, line ends excepted. JSON says the same after it."""
    return _HIDDEN.sub(lambda character: json.dumps(character[0])[1:-1], text)
