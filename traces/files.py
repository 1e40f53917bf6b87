"""Writing aside, then renaming: a file or folder that has its name is whole."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_aside(path: Path) -> Iterator[Path]:
    """A name to write at; on leaving, what is there becomes `path`, or vanishes where an error left.

    Nothing there, nothing done: whoever removes what they wrote aside leaves `path` as it was.
    """
    aside = _aside(path)
    try:
        yield aside
        if aside.exists():
            _sync(aside)
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def folder_aside(path: Path) -> Iterator[Path]:
    """An empty folder to fill; on leaving, it becomes `path`, or vanishes where an error left."""
    aside = _aside(path)
    try:
        aside.mkdir()
        yield aside
        if path.exists():
            shutil.rmtree(path)
        aside.replace(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """A folder for what is needed for a while: in the workspace, where workers on other machines see it, too."""
    Path("data").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}.", suffix=".tmp", dir="data") as folder:
        yield Path(folder)


@contextmanager
def folder_lock(path: Path) -> Iterator[None]:
    """Wait until no other process holds this folder, and hold it. What ends a process lets go of it."""
    path.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write `text` at `path`, UTF-8, LF; a file that says so already is left alone."""
    data = text.encode()
    if not path.is_file() or path.read_bytes() != data:
        with file_aside(path) as aside:
            aside.write_bytes(data)


def hash_file(path: Path) -> str:
    """The md5 of a file (hex), a piece at a time."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def read_piece(path: Path, first: int, size: int) -> bytes:
    """`size` bytes of a file, from byte `first` on."""
    with path.open("rb") as file:
        file.seek(first)
        return file.read(size)


def _aside(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
