"""Which processes are a job's: it is in their environment, so that what a killed runner left is found."""

from __future__ import annotations

from pathlib import Path

MARK = "TRACES_SERVE_JOB"


def mark_of(folder: Path) -> dict[str, str]:
    """The mark of a job, by its folder: in another clone of the repository the same request has the same id."""
    return {MARK: str(folder.resolve())}


def marked_processes(folder: Path) -> list[int]:
    """The processes of a job, its runner among them."""
    mark = f"{MARK}={folder.resolve()}".encode()
    pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())
    return [pid for pid in pids if mark in _environment(pid)]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it has ended, or is another user's
        return []
