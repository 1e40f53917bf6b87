"""Writing aside, then renaming: what has its name is whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shell import ROOT
from traces.files import file_aside, folder_aside, write_text


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file"
    with file_aside(target) as aside:
        aside.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    with pytest.raises(RuntimeError), file_aside(target) as aside:
        aside.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_was_removed_aside_changes_nothing(tmp_path: Path) -> None:
    with file_aside(tmp_path / "file"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_takes_the_place_of_the_old_one_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").touch()
    with folder_aside(target) as aside:
        (aside / "new").touch()
        assert (target / "old").exists()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(KeyboardInterrupt), folder_aside(target) as aside:
        (aside / "half").touch()
        raise KeyboardInterrupt
    assert list(tmp_path.rglob("*")) == [target]


def test_text_that_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_text(target, "é\n")
    before = target.stat()
    write_text(target, "é\n")
    assert target.stat().st_ino == before.st_ino
    write_text(target, "other\n")
    assert target.read_bytes() == b"other\n"


_WRITING = """
import sys, time
from pathlib import Path
from traces.files import folder_aside
with folder_aside(Path(sys.argv[1])) as aside:
    (aside / "half").touch()
    print(flush=True)
    time.sleep(60)
"""


def test_what_a_dead_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    (tmp_path / ".mine.tmp").mkdir()
    command = [sys.executable, "-c", _WRITING, str(tmp_path / "folder")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        write_text(tmp_path / "file", "one")
        (aside,) = tmp_path.glob(".folder.*.tmp")
        assert (aside / "folder/half").exists()
        process.kill()
    write_text(tmp_path / "file", "two")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine.tmp", "file"]
