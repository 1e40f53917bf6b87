"""The fenced blocks of a Markdown file, each with the comment that stands right before it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^>]*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """`mark` is KIND: DETAIL, or empty."""

    language: str
    mark: str
    text: str

    @property
    def outside(self) -> str:
        """Why the block cannot be run here; empty where it can."""
        kind, _, detail = self.mark.partition(": ")
        return detail if kind == "outside" else ""


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a file, in order."""
    return [Block(m["language"], m["mark"] or "", m["text"]) for m in _BLOCK.finditer(path.read_text())]


def marked(path: Path, mark: str) -> str:
    """The text of the one block with this mark."""
    (text,) = (block.text for block in blocks(path) if block.mark == mark)
    return text
