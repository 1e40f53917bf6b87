"""What a Git repository holds, whether or not a branch leads to it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path


def git_objects(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every object of a repository, unpacked: name and bytes."""
    command = ["git", "cat-file", "--batch-all-objects", "--batch"]
    rest = subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout
    place = 0
    while place < len(rest):
        body = rest.index(b"\n", place) + 1
        name, _, size = rest[place:body].split()
        place = body + int(size) + 1
        yield name.decode(), rest[body : place - 1]
