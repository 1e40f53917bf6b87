"""Folders as DVC sees them: the files that we hash, and their hash, are those of the real DVC."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from dvc.fs import localfs
from dvc.ignore import DvcIgnoreFilter
from dvc.repo import Repo
from dvc_data.hashfile.build import IgnoreInCollectedDirError
from dvc_data.hashfile.build import build as dvc_build
from dvc_data.hashfile.db import HashFileDB
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stages.addresses.lock import hash_path
from tests.support.shell import ROOT
from traces.errors import TracesError
from traces.ignored import hashed_files, list_files

FOLDER = Path("data/in")
NAMES = (
    "a", "a-b", "a.jsonl", "b.txt", ".DS_Store", "._a.jsonl", "a~", "Ab", "a b", "a\nb\n", " a", "#a", "!a", "[a]",
    "a*", "é",
    "e\u0301", "sub/a", "sub/b.txt", "sub/deep/a", "sub/deep/a.jsonl", "sub-a/a", "other/sub/a", "__pycache__/x.pyc",
    ".git/config", "x/.git", ".hg/a", ".dvc/a", "y/.hg", ".a.tmp/a", "data/in/a",
)  # fmt: skip


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DVC repository with a folder of files with odd names."""
    root = tmp_path_factory.mktemp("template")
    Repo.init(str(root), no_scm=True)
    for name in NAMES:
        (root / FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (root / FOLDER / name).write_text(name)
    (root / FOLDER / "empty").mkdir()
    return root


@pytest.fixture
def repository(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of one's own, as the working directory."""
    shutil.copytree(template, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def dvc_hash(path: Path = FOLDER) -> dict[str, object] | None:
    """What DVC itself computes of a folder; None if it cannot."""
    try:
        ignored = DvcIgnoreFilter(localfs, Repo.find_root())
        objects = HashFileDB(localfs, os.path.abspath(".dvc/cache"))  # noqa: PTH100 - as DVC names paths
        _, meta, found = dvc_build(objects, os.path.abspath(path), localfs, "md5", ignore=ignored, dry_run=True)  # noqa: PTH100
    except (OSError, ValueError, re.error, IgnoreInCollectedDirError):
        return None
    assert found.hash_info is not None
    return {"md5": found.hash_info.value, "size": meta.size, "nfiles": meta.nfiles}


def our_hash(path: Path = FOLDER) -> dict[str, object] | None:
    """What this project computes; None if it refuses."""
    try:
        found = hash_path(path)
    except TracesError:
        return None
    assert found is not None
    return found.entry()


def ignore(text: str, folder: str = ".") -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    (Path(folder) / ".dvcignore").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("text", [
    "", "# a\n\n", ".DS_Store", "*.jsonl", "*", "*\n!a", "a/", "sub/", "/sub", "/data", "data/in", "data/in/",
    "data/*\n!data/in",
    "data/in/*\n!data/in/sub/", "data/in/**\n!*/\n!**/a", "**/a", "sub/a", "/data/in/sub/a", "data/**/a", "**", "**/",
    "*/",
    "a?b", "[ab]*", "[!a]*", "\\#a", "\\!a", "\\[a\\]", "#a", "!a", "a\\*", "  a  ", "a b", "é", "e\u0301", "A*", "/",
    "a//",
    "sub//a", "./a", "../in/a", "deep", "deep/a", "!.git", "!.git/\n!.hg", "[a", "a\n!a\na", "sub/\n!sub/a", "._*\n*~",
    "/data/in/\n!/data/in/a", ".*", ".*.tmp", "\ufeffa", "in/a", "in/", "a\r\nb.txt\r\n",
])  # fmt: skip
def test_a_folder_is_hashed_as_dvc_hashes_it(repository: Path, text: str) -> None:
    ignore(text)
    found = our_hash()
    assert found is not None
    assert found == dvc_hash()


@pytest.mark.parametrize("text", ["!", "a\n!\n", "[z-a]"])
def test_a_pattern_that_dvc_refuses_is_named(repository: Path, text: str) -> None:
    ignore(text)
    assert dvc_hash() is None
    with pytest.raises(TracesError, match=r"\.dvcignore: '(!|\[z-a\])' is no pattern; DVC cannot read it either"):
        hash_path(FOLDER)


@pytest.mark.parametrize(("folder", "text"), [
    ("data", "in/a"), ("data", "/in/a"), ("data", "a"), ("data", "!a"), ("data", "in/"), ("data", "/in"),
    ("data", "**/a"),
    ("data", "in/**/a"), ("data", "*\n!in"), ("data", "*\n!in\n!in/**"), ("data", "\\#a\n\\!a"), ("data", "./a"),
    ("data", "*"),
    ("data/in", "a"), ("data/in", ".dvcignore\na"), ("data/in/sub", "*"), ("data/in/sub", ".dvcignore\n/deep"),
    ("data/in/sub", ".dvcignore\ndeep/a"), ("data/in/sub", "deep"), ("data/in/sub", "/.dvcignore\n**/a\n!b.txt"),
    ("data/in/[x]", ".dvcignore\na"), ("data/in/sub", ""), ("data", "/"), ("data", "//"), ("data", "in//a"),
])  # fmt: skip
@pytest.mark.parametrize("at_root", ["", "a\n*.txt\n", ".dvcignore", "data/in/sub\n", "**/.dvcignore\n!a"])
def test_a_dvcignore_in_a_folder_counts_as_for_dvc(repository: Path, folder: str, text: str, at_root: str) -> None:
    ignore(at_root)
    ignore(text, folder)
    (Path(folder) / "a").write_text("a")
    assert our_hash() == dvc_hash()


pattern = st.lists(
    st.sampled_from(
        ["a", "sub", "in", "data", "deep", "*", "**", "?", "[a-d]", ".", "b.txt", "*.jsonl", "-", "é", " "]
    ),
    min_size=1,
    max_size=4,
).map("/".join) | st.text("a*/!b.[]\\#?é -", min_size=1, max_size=6)
line = st.tuples(st.sampled_from(["", "!", "/", "!/", "**/"]), pattern, st.sampled_from(["", "/", "/*", "/**"])).map(
    "".join
)
lines = st.lists(line, max_size=4).map("\n".join)


@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at_root=lines, in_data=lines, in_sub=lines)
@example("data/in/sub/**\n!b.txt", "!in/sub", ".dvcignore\n!a")
def test_any_patterns_exclude_what_they_exclude_for_dvc(
    repository: Path, at_root: str, in_data: str, in_sub: str
) -> None:
    for text, folder in ((at_root, "."), (in_data, "data"), (f".dvcignore\n{in_sub}", "data/in/sub")):
        ignore(text, folder)
    assert our_hash() == dvc_hash()


def broken_link() -> None:
    (FOLDER / "link").symlink_to("gone")


def link_to_file() -> None:
    Path("elsewhere").write_text("elsewhere")
    (FOLDER / "link").symlink_to(Path("elsewhere").absolute())


def link_to_folder() -> None:
    (FOLDER / "link").symlink_to(Path("data/in/sub").absolute())


def link_in_a_circle() -> None:
    (FOLDER / "link").symlink_to("link")


def folder_is_a_link() -> None:
    shutil.move(FOLDER, "moved")
    FOLDER.symlink_to(Path("moved").absolute())


def repository_inside() -> None:
    (FOLDER / "inner/.dvc").mkdir(parents=True)
    (FOLDER / "inner/a").write_text("a")


def name_that_is_not_unicode() -> None:
    Path(os.fsdecode(b"data/in/\xff")).write_text("x")


def dvcignore_is_a_folder() -> None:
    Path(".dvcignore").unlink(missing_ok=True)
    Path("data/.dvcignore").mkdir()


def dvcignore_is_not_utf8() -> None:
    Path(".dvcignore").write_bytes(b"a\xff\n")


@pytest.mark.parametrize("change", [
    broken_link, link_to_file, link_to_folder, link_in_a_circle, folder_is_a_link, repository_inside,
    name_that_is_not_unicode, dvcignore_is_a_folder, dvcignore_is_not_utf8,
])  # fmt: skip
def test_what_is_no_plain_file_counts_as_for_dvc(repository: Path, change: Callable[[], None]) -> None:
    ignore(".DS_Store")
    change()
    assert our_hash() == dvc_hash()


def test_a_pipe_is_refused_and_not_waited_for(repository: Path) -> None:
    os.mkfifo(FOLDER / "pipe")  # DVC would wait for it for ever
    with pytest.raises(TracesError, match=r"data/in/pipe: no regular file, which DVC cannot hash; remove it, or add"):
        hash_path(FOLDER)


def test_a_repository_is_found_above_the_working_directory(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ignore("*.txt\n/data/in/a")
    wanted = dvc_hash()
    monkeypatch.chdir("data")
    assert our_hash(Path("in")) == wanted == our_hash(repository / FOLDER) == our_hash(Path("../data/in"))


def test_a_folder_that_is_excluded_itself_can_be_listed(repository: Path) -> None:
    ignore(".*.tmp\n*.txt")
    aside = Path("data/.in.0123.tmp/in")
    aside.mkdir(parents=True)
    for name in ("a", "b.txt"):
        (aside / name).touch()
    assert list_files(aside) == ["a", "b.txt"]
    assert "a.jsonl" in list_files(FOLDER)
    assert "b.txt" not in list_files(FOLDER)
    assert hashed_files(aside).kept == []


def test_what_is_excluded_is_listed_but_for_hidden_files(repository: Path) -> None:
    ignore(".DS_Store\n*.jsonl\nsub/\n")
    assert hashed_files(FOLDER).excluded == [
        "a.jsonl", "other/sub/a", "sub/a", "sub/b.txt", "sub/deep/a", "sub/deep/a.jsonl",
    ]  # fmt: skip


def test_the_file_that_is_shipped_excludes_what_systems_and_editors_leave() -> None:
    held = (ROOT / ".dvcignore").read_text().splitlines()
    assert {"__pycache__", ".*.tmp", ".DS_Store", "._*", "Thumbs.db", "desktop.ini", "*~", ".*.sw[a-p]"} <= set(held)
