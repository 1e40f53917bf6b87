"""Names out of traces, which may be any text, made fit for one line of the page."""

from __future__ import annotations

from stages.markdown import visible


def short(name: str, limit: int = 60) -> str:
    """The name on one line, nothing hidden in it, cut where it has more than so many characters."""
    line = visible(name).replace("\n", r"\n")
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
