"""A clean copy of a commit: what Git tracks of it and nothing else, its DVC cache empty."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commands.repository import git

# Of this copy alone: a person's own settings may name a cache that is shared, which would know the answers.
_CONFIG = "[cache]\n    dir = cache\n    type = reflink,copy\n"


@contextmanager
def clean_copy(commit: str) -> Iterator[Path]:
    """A folder with the repository at a commit, below TMPDIR; gone on leaving.

    Raises:
        TracesError: Git cannot make it.
    """
    with tempfile.TemporaryDirectory(prefix="traces-verify-") as scratch:
        copy = Path(scratch) / "copy"
        git("clone", "--quiet", "--shared", "--no-checkout", ".", str(copy))
        git("checkout", "--quiet", "--detach", commit, folder=copy)
        (copy / ".dvc" / "config.local").write_text(_CONFIG)
        yield copy
