"""The one exception that reaches a person: a single line with what is wrong, where, and what to do."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

# What the machine lacks or forbids, and what to do about it.
_MACHINE = {
    errno.ENOSPC: "no space left on this disk; free some and run it again",
    errno.EDQUOT: "the quota of this disk is used up; free some and run it again",
    errno.EROFS: "the disk is read-only; mount it to be written to, or work in a clone on another one",
    errno.EACCES: "this user may not; `ls -ld` says who may, and `chown` or `chmod` changes that",
    errno.EPERM: "this user may not; `ls -ld` says who may, and `chown` or `chmod` changes that",
    errno.EMFILE: "too many files are open; raise `ulimit -n`, or set TRACES_WORKERS lower",
}
# As libraries say it that have no number for it: DuckDB, SQLite.
_FULL = re.compile("no space left on device|disk is full", re.IGNORECASE)
# What is written aside (traces/files.py) is gone when a person reads of it.
_ASIDE = re.compile(r"/?\.[^/]+\.[0-9a-f]{32}\.tmp(/.*)?$")


class TracesError(Exception):
    """A fault that a person can mend. `str(error)` is the whole message."""


class WrongUse(TracesError):
    """A fault in how a command was called, not in what it found."""


def unexpected(error: Exception) -> str:
    """A line for an error that nobody foresaw; with `TRACES_DEBUG` set it is raised again, traceback and all."""
    if os.environ.get("TRACES_DEBUG"):
        raise error
    said = machine_fault(error)
    if isinstance(error, OSError):
        return f"{_place(error)}: {said or error.strerror or error}"
    if said:
        return f"{Path.cwd()}: {said}"
    return f"unexpected {type(error).__name__}: {error} (TRACES_DEBUG=1 shows where; please report it)"


def machine_fault(error: Exception) -> str:
    """What the machine lacks, and what to do about it; empty where that is not what went wrong."""
    if isinstance(error, OSError) and error.errno in _MACHINE:
        return _MACHINE[error.errno]
    # By its name, since this is imported where DuckDB is not; of any other error the text may be a trace's.
    says = type(error).__name__ == "IOException" and _FULL.search(str(error))
    return _MACHINE[errno.ENOSPC] if says else ""


def said_by_database(error: BaseException) -> str:
    """The first line of what a database says, and what to do where it says that a disk is full."""
    said = one_line((str(error).strip().splitlines() or [type(error).__name__])[0])
    return f"{said}; free some space there and run it again" if _FULL.search(said) else said


def _place(error: OSError) -> str:
    """The file or folder that an error is about; the workspace where it does not say."""
    return _ASIDE.sub("", os.fsdecode(error.filename or "")) or str(Path.cwd())


def one_line(text: str, limit: int = 300) -> str:
    """`text` with control characters escaped and its length bounded, fit for one line of an error."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
