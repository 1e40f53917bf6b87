"""Disks that are full or read-only, and a user who may not write, where the machine lets us make them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size_mb: int) -> Iterator[Path]:
    """A file system of its own at `folder`, with room for so much."""
    folder.mkdir(exist_ok=True)
    _mount(["-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)])
    try:
        yield folder
    finally:
        _unmount(folder)


@contextmanager
def filled(folder: Path, left_kb: int) -> Iterator[None]:
    """The disk of `folder` without more room than this."""
    filler = folder / ".filler"
    disk = os.statvfs(folder)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, disk.f_bavail * disk.f_frsize - left_kb * 1024))
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """`folder` as on a disk that is mounted read-only."""
    _mount(["--bind", str(folder), str(folder)])
    try:
        _mount(["-o", "remount,bind,ro", str(folder)])
        yield
    finally:
        _unmount(folder)


@contextmanager
def forbidden(folder: Path) -> Iterator[tuple[str, ...]]:
    """`folder` as somebody else's, who lets others read only. Yields what a command must begin with to mind that."""
    places = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    modes = {path: path.stat().st_mode for path in places}
    for path in places:
        path.chmod(0o555)
    try:
        yield _BOUND if os.geteuid() == 0 else ()
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


# The superuser without the right to pass over what files allow.
_BOUND = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")


def _mount(arguments: list[str]) -> None:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no `mount`: {error}")
    if done.returncode:
        pytest.skip(f"this user may not mount: {done.stderr.strip()}")


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
