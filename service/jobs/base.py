"""What an experiment begins with: the same request of another commit, or of a changed workspace, is another dataset."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from commands.repository import changes_since, git
from traces.files import hash_file

_TURN = Path(".cache/service/workspace")


def base_of(root: Path) -> str:
    """The commit, and a hash of what the workspace has changed of it."""
    digest = hashlib.sha256()
    for name in changes_since("HEAD", root).changed:
        path = root / name
        digest.update(f"{name}\0{hash_file(path) if path.is_file() else None}\0".encode(errors="surrogateescape"))
    return git("rev-parse", "HEAD", folder=root).strip() + digest.hexdigest()


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
