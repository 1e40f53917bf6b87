"""The one exception that reaches a person: a single line with what is wrong, where, and what to do."""

from __future__ import annotations

import os


class TracesError(Exception):
    """A fault that a person can mend. `str(error)` is the whole message."""


class WrongUse(TracesError):
    """A fault in how a command was called, not in what it found."""


def unexpected(error: Exception) -> str:
    """A line for an error that nobody foresaw; with `TRACES_DEBUG` set it is raised again, traceback and all."""
    if os.environ.get("TRACES_DEBUG"):
        raise error
    if isinstance(error, OSError):
        return f"{error.filename or 'disk'}: {error.strerror or error}"
    return f"unexpected {type(error).__name__}: {error} (TRACES_DEBUG=1 shows where; please report it)"


def one_line(text: str, limit: int = 300) -> str:
    """`text` with control characters escaped and its length bounded, fit for one line of an error."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
