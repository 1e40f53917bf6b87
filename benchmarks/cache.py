"""DVC's cache of a workspace: what a push would upload."""

from __future__ import annotations

from pathlib import Path


def cached(workspace: Path) -> dict[str, int]:
    """The size in bytes of each object, by its path in the cache; folders' listings too."""
    folder = workspace / ".dvc/cache/files/md5"
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
