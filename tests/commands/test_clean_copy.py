"""A clean copy has the bytes of the commit, whatever the clone that makes it lacks, and whatever a person has set."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commands.verification.clean_copy import check_out
from tests.support.settings import hostile_settings, in_a_hook
from tests.support.shell import commit, run
from traces.errors import TracesError

BYTES = {"lf.txt": b"one\ntwo\n", "crlf.txt": b"one\r\ntwo\r\n", "mixed.txt": b"one\r\ntwo\n$Id$\n", ".dvc/config": b""}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose first commit has these files and no .gitattributes. Not to be changed."""
    folder = tmp_path_factory.mktemp("source") / "project"
    (folder / ".dvc").mkdir(parents=True)
    run(folder, "git", "init", "-q", "-b", "main")
    for name, data in BYTES.items():
        (folder / name).write_bytes(data)
    commit(folder, "one")
    for name in BYTES:
        (folder / name).write_bytes(b"other")
    commit(folder, "two")
    for setting in ("allowFilter", "allowAnySHA1InWant"):
        run(folder, "git", "config", f"uploadpack.{setting}", "true")
    return folder


@pytest.mark.parametrize(
    "how", ["--no-tags", "--depth=2", "--filter=blob:none", "--filter=tree:0", "sparse", "worktree"]
)
def test_a_copy_has_the_bytes_of_its_commit(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    folder = tmp_path / "clone"
    options = [how] if how.startswith("--") else []
    run(source, "git", "clone", "-q", *options, f"file://{source}", str(folder))
    if how == "sparse":
        run(folder, "git", "sparse-checkout", "set", ".dvc")
    if how == "worktree":
        run(folder, "git", "worktree", "add", "-q", "../worktree")
        folder = tmp_path / "worktree"
    if "filter" not in how:  # these settings forbid to fetch
        (tmp_path / "settings").mkdir()
        settings = hostile_settings(tmp_path / "settings") | in_a_hook(tmp_path / "settings")
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    first = run(source, "git", "rev-parse", "HEAD~1").out.strip()
    check_out(first, tmp_path / "copy")
    copied = [path for path in (tmp_path / "copy").rglob("*") if path.is_file()]
    assert {
        path.relative_to(tmp_path / "copy").as_posix(): path.read_bytes()
        for path in copied
        if ".git" not in path.relative_to(tmp_path / "copy").parts
    } == BYTES
    assert run(tmp_path / "copy", "git", "status", "--porcelain").out == ""
    assert run(tmp_path / "copy", "git", "rev-parse", "HEAD").out.strip() == first
    assert not (tmp_path / "copy/.git/hooks").exists()
    assert not (tmp_path / "settings/hooked").exists()


def test_a_commit_that_has_lost_a_file_is_no_copy(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    shutil.copytree(source, folder)
    lost = run(folder, "git", "rev-parse", "HEAD:lf.txt").out.strip()
    (folder / ".git/objects" / lost[:2] / lost[2:]).unlink()
    monkeypatch.chdir(folder)
    head = run(folder, "git", "rev-parse", "HEAD").out.strip()
    with pytest.raises(TracesError, match=r"fatal: |error: |Git could not check out "):
        check_out(head, tmp_path / "copy")
