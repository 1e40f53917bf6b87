"""A clean copy of a commit: what Git tracks of it and nothing else, its DVC cache empty."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from commands.repository import git
from traces.errors import TracesError

# Of this copy alone: a person's own settings may name a cache that is shared, which would know the answers.
_CONFIG = "[cache]\n    dir = cache\n    type = reflink,copy\n"


@contextmanager
def clean_copy(commit: str) -> Iterator[Path]:
    """A folder with the repository at a commit, below TMPDIR; gone on leaving, by SIGTERM or SIGHUP, too.

    Raises:
        TracesError: Git cannot make it, or the commit is of no DVC repository.
    """
    with _leaving_on_signals(), tempfile.TemporaryDirectory(prefix="traces-verify-") as scratch:
        copy = Path(scratch) / "copy"
        # A person's hooks have no business in it.
        hookless = ("--template=", "--config", "core.hooksPath=/dev/null")
        git("clone", "--quiet", "--shared", "--no-checkout", *hookless, ".", str(copy))
        git("checkout", "--quiet", "--detach", commit, folder=copy)
        if not (copy / ".dvc").is_dir():
            raise TracesError(f"commit {commit[:12]}: has no .dvc, so there is nothing that could be built again")
        (copy / ".dvc" / "config.local").write_text(_CONFIG, encoding="utf-8")
        yield copy


@contextmanager
def _leaving_on_signals() -> Iterator[None]:
    before = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
