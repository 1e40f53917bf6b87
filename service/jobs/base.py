"""What an experiment begins with: the same request of another commit, or of a changed workspace, is another dataset."""

from __future__ import annotations

import hashlib
from pathlib import Path

from commands.repository import git


def base_of(root: Path) -> str:
    """The commit, and a hash of what the workspace has changed of it."""
    changes = git("diff", "HEAD", "--binary", folder=root)
    digest = hashlib.sha256(changes.encode(errors="surrogateescape")).hexdigest()
    return git("rev-parse", "HEAD", folder=root).strip() + digest
