"""Git is started by one function, which quotes its reason and knows no settings of a person."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

from commands.repository import changes_since, git
from tests.support.settings import hostile_settings
from tests.support.shell import ROOT, commit, run
from traces.errors import TracesError

PACKAGES = ("traces", "training", "stages", "commands", "service")
LIBRARIES = {"dulwich", "git", "pygit2", "scmrepo"}
SHELL = re.compile(r"(?:^|[;&|({!`]|\b(?:then|do|else|exec|env|xargs|if|while)\b)\s*git\s", re.MULTILINE)


def test_no_other_module_starts_git() -> None:
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
            names |= {str(node.module)} if isinstance(node, ast.ImportFrom) and not node.level else set()
            assert not LIBRARIES & {name.split(".")[0] for name in names}, path
            held = node.elts if isinstance(node, ast.List | ast.Tuple) else getattr(node, "args", [])
            first = held[0] if isinstance(held, list) and held else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and not is_name_of_a_scheme(node):
                ours = path.relative_to(ROOT) == Path("commands/repository.py")
                assert ours or first.value.split()[:1] != ["git"], f"{path}:{first.lineno}"


def is_name_of_a_scheme(node: ast.AST) -> bool:
    """A tuple such as ("http", "git"), which is no command."""
    items = node.elts if isinstance(node, ast.Tuple) else []
    return any(isinstance(item, ast.Constant) and item.value == "http" for item in items)


def test_no_script_starts_git() -> None:
    # .ci/installation clones as a new user does, before there is an environment that could start Git.
    files = [path for path in (ROOT / ".ci").iterdir() if path.is_file() and path.name != "installation"]
    scripts = [path for path in files if path.read_text().startswith("#!/usr/bin/env bash")]
    recipes = "\n".join(line.lstrip("\t@") for line in (ROOT / "Makefile").read_text().splitlines() if line[:1] == "\t")
    for name, text in [*((path.name, path.read_text()) for path in scripts), ("Makefile", recipes)]:
        own = 'git() { (cd "$root" && python -m commands.repository' in text
        said = re.sub(r"#.*|\"[^\"$]*\"|'[^']*'|\\`[^`]*`", "", text)
        assert own or not SHELL.search(said), (name, SHELL.search(said))


@pytest.mark.parametrize(
    "line", ["git diff", "x=$(git status)", "if ! git diff; then", "a && git b", "xargs git rm", "! { git diff; }"]
)
def test_the_search_of_scripts_finds_a_call(line: str) -> None:
    assert SHELL.search(line)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one file."""
    target = tmp_path / "project"
    target.mkdir()
    run(target, "git", "init", "-q", "-b", "main")
    (target / "a.txt").write_bytes(b"one\r\ntwo\n")
    (target / ".gitattributes").write_text("* -text\n")
    commit(target, "one")
    return target


def test_a_failure_is_quoted_by_its_reason(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TracesError, match=r"^git cat-file: fatal: Not a valid object name nosuch$"):
        git("cat-file", "blob", "nosuch", folder=folder)
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("GIT_TRACE", "1")
    with pytest.raises(TracesError, match=r"^git rev-parse: fatal: not a git repository"):
        git("rev-parse", "HEAD", folder=tmp_path)
    # Whoever may not trust a repository is told so by Git, and nothing here goes round it.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setattr("commands.repository._KEPT", ("GIT_TEST", "GIT_CONFIG_"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    with pytest.raises(TracesError, match=r"^git rev-parse: fatal: detected dubious ownership in repository at "):
        git("rev-parse", "HEAD", folder=folder)
    trusted = tmp_path / "gitconfig"
    trusted.write_text(f"[safe]\n    directory = {folder}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(trusted))
    assert len(git("rev-parse", "HEAD", folder=folder)) == 41


def test_without_git_it_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(TracesError, match=r"^git: not found on PATH; install Git$"):
        git("rev-parse", "HEAD", folder=folder)


def test_changes_are_those_since_the_commit_whatever_the_index_says(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings").mkdir()
    for name, value in hostile_settings(tmp_path / "settings").items():
        monkeypatch.setenv(name, value)
    assert changes_since("HEAD", folder).changed == []
    run(folder, "git", "update-index", "--assume-unchanged", "a.txt")
    (folder / "a.txt").write_bytes(b"one\ntwo\n")
    (folder / "staged.json").write_text("{}")
    run(folder, "git", "add", "-f", "staged.json")
    (folder / "ä b.txt").write_text("")
    found = changes_since("HEAD", folder)
    assert (found.changed, found.untracked) == (["a.txt"], ["staged.json", "ä b.txt"])


@pytest.mark.parametrize("how", ["--no-cone", "--cone", "--sparse-index"])
def test_what_a_sparse_checkout_leaves_out_has_not_changed(folder: Path, how: str) -> None:
    for name in ("docs/ä b.txt", "data/b.txt", "data/c.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
    commit(folder, "two")
    run(folder, "git", "sparse-checkout", "set", *(["--cone", how] if how == "--sparse-index" else [how]), "data")
    assert not (folder / "docs").exists()
    assert changes_since("HEAD", folder).changed == []
    (folder / "data/b.txt").unlink()
    (folder / "docs").mkdir()
    (folder / "docs/ä b.txt").write_text("changed")
    assert changes_since("HEAD", folder).changed == ["data/b.txt", "docs/ä b.txt"]


def test_what_git_tracks_has_no_line_ends_of_its_own() -> None:
    """Git's own check of every file of the commit: none is converted, whatever a person sets."""
    listed = run(ROOT, "git", "ls-files", "--eol").out.splitlines()
    assert {line.split("\t")[0].split("attr/")[1].strip() for line in listed} == {"-text"}
