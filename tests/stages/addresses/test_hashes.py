"""A hash is known of a file that nobody touched since, and of no other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.addresses import hashes
from stages.addresses.hashes import known_hashes
from stages.runtime.memo import memo_root
from traces.files import hash_file


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """The files that were really read. They count as settled at once."""
    monkeypatch.setenv("TRACES_MEMO", "on")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(hashes, "SETTLED_NS", -1)
    (tmp_path / "file").write_text("text")
    files: list[Path] = []

    def hash_and_tell(path: Path) -> str:
        files.append(path)
        return hash_file(path)

    monkeypatch.setattr(hashes, "hash_file", hash_and_tell)
    return files


def md5(path: Path) -> str:
    with known_hashes() as md5_of:
        return md5_of(path)


def test_a_file_is_read_once(read: list[Path], tmp_path: Path) -> None:
    assert md5(tmp_path / "file") == md5(tmp_path / "file") == hash_file(tmp_path / "file")
    assert len(read) == 1


def in_place(path: Path) -> None:
    """Another text of one length, the time of writing put back."""
    held = path.stat()
    path.write_text("TEXT")
    os.utime(path, ns=(held.st_atime_ns, held.st_mtime_ns))


def replaced(path: Path) -> None:
    held = path.stat()
    other = path.with_name("other")
    other.write_text("TEXT")
    os.utime(other, ns=(held.st_atime_ns, held.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize("change", [in_place, replaced, lambda path: path.write_text("longer text")])
def test_a_file_that_was_touched_is_read_again(
    read: list[Path], tmp_path: Path, change: Callable[[Path], object]
) -> None:
    first = md5(tmp_path / "file")
    change(tmp_path / "file")
    assert md5(tmp_path / "file") == hash_file(tmp_path / "file") != first


def test_a_file_that_was_written_just_now_is_not_known(
    read: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashes, "SETTLED_NS", 60_000_000_000)
    assert md5(tmp_path / "file") == md5(tmp_path / "file")
    assert len(read) == 2


@pytest.mark.parametrize("damage", [lambda _: b"", lambda data: data[:-1] + b"?", lambda _: b"0" * 64])
def test_damaged_it_counts_for_nothing(read: list[Path], tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    md5(tmp_path / "file")
    held = memo_root() / "hashes"
    held.write_bytes(damage(held.read_bytes()))
    assert md5(tmp_path / "file") == hash_file(tmp_path / "file")
    assert len(read) == 2


def test_without_a_memo_every_file_is_read(read: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    md5(tmp_path / "file")
    monkeypatch.setenv("TRACES_MEMO", "off")
    md5(tmp_path / "file")
    assert len(read) == 2
