"""Writing aside, then renaming: a file or folder that has its name is whole.

What is written aside lies in a folder `.NAME.HEX.tmp` beside what it will be, which its process holds locked. The
kernel lets go of a lock when the process ends, however it ends: so a folder whose lock can be had was left behind, and
the next process that writes there removes it. Where a file system has no locks, nothing is removed.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ASIDE = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")


@contextmanager
def file_aside(path: Path) -> Iterator[Path]:
    """A name to write at; on leaving, what is there becomes `path`, or vanishes where an error left.

    Nothing there, nothing done: whoever removes what they wrote aside leaves `path` as it was.
    """
    with scratch_folder(path.name, path.parent) as scratch:
        aside = scratch / path.name
        yield aside
        if aside.exists():
            _sync(aside)
            aside.replace(path)


@contextmanager
def new_file_aside(path: Path) -> Iterator[Path]:
    """Like `file_aside`, for a file that must not replace another one.

    Raises:
        FileExistsError: another process has made `path` meanwhile; its file is left as it is.
    """
    with scratch_folder(path.name, path.parent) as scratch:
        aside = scratch / path.name
        yield aside
        if aside.exists():
            _sync(aside)
            _link_new(aside, path)


def _link_new(source: Path, target: Path) -> None:
    """Give a file a second name, which nothing may have yet."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links; a rename would replace
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        source.replace(target)


@contextmanager
def kept_folder(folder: Path) -> Iterator[None]:
    """Make a folder and those above it. On an error, remove again those that were made, if they are empty."""
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for one in made:
            with suppress(OSError):
                one.rmdir()
        raise


@contextmanager
def folder_aside(path: Path) -> Iterator[Path]:
    """An empty folder to fill; on leaving, it becomes `path`, or vanishes where an error left."""
    with scratch_folder(path.name, path.parent) as scratch:
        aside = scratch / path.name
        aside.mkdir()
        yield aside
        with suppress(FileNotFoundError):
            # As a whole, and not file by file: what has its name is never a part.
            path.replace(scratch / "old")
        aside.replace(path)


@contextmanager
def scratch_folder(name: str, parent: Path = Path("data"), mode: int = 0o777) -> Iterator[Path]:
    """A folder for what is needed for a while: in the workspace, where workers on other machines see it, too."""
    parent.mkdir(parents=True, exist_ok=True)
    _remove_left_behind(parent)
    folder = parent / f".{name}.{uuid.uuid4().hex}.tmp"
    handle = None
    try:
        while handle is None:
            folder.mkdir(mode)
            handle = _locked(folder)
        yield folder
    finally:
        _remove(folder)
        if handle is not None:
            os.close(handle)


def _locked(folder: Path) -> int | None:
    """The open file that holds the lock of a folder, in forks of this process, too; None where the folder is gone."""
    with suppress(FileNotFoundError):
        handle = os.open(folder, os.O_RDONLY)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if folder.exists():
            return handle
        os.close(handle)  # taken for left behind before it was locked
    return None


def _remove(folder: Path) -> None:
    """Remove a folder; an interrupt has to wait for that."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _remove_left_behind(parent: Path) -> None:
    """Remove what dead processes wrote aside in a folder."""
    for folder in parent.iterdir():
        if not _ASIDE.fullmatch(folder.name):
            continue
        with suppress(OSError):  # alive, gone by now, or somebody else's
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(handle)


@contextmanager
def folder_lock(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Wait until no other process holds this folder, and hold it. What ends a process lets go of it.

    `on_wait` is called where it has to wait.
    """
    path.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
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


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
