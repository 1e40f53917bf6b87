"""What an experiment begins with: the same request of another commit, or of a changed workspace, is another dataset."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commands.repository import git

_TURN = Path(".cache/service/workspace")


def base_of(root: Path) -> str:
    """The commit, and a hash of what the workspace has changed of it."""
    changes = git("diff", "HEAD", "--binary", folder=root)
    digest = hashlib.sha256(changes.encode(errors="surrogateescape")).hexdigest()
    return git("rev-parse", "HEAD", folder=root).strip() + digest


@contextmanager
def workspace_turn(root: Path) -> Iterator[None]:
    """Have the workspace to oneself: DVC writes an experiment's params into it for a moment, stashes them, and is gone.

    Whoever looks at the workspace, or lets DVC begin, takes a turn; the kernel ends it with the process.
    """
    path = root / _TURN
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield
