"""Which files belong to a folder as DVC sees it: those that no `.dvcignore` excludes.

DVC's own filter, `dvc.ignore`, takes 0.6 s to import, and every stage is a process of its own. So only its reading of a
pattern is used, which is the library `pathspec`. How DVC combines patterns is written again here, and
tests/traces/test_ignored.py compares the result with DVC's, on real folders.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from traces.errors import TracesError, one_line

DVCIGNORE = ".dvcignore"
# The patterns that DVC adds itself.
_BUILT_IN = (".hg/", ".git/", ".git", ".dvc/")


class Files(NamedTuple):
    """The files in a folder and below, as paths relative to it, in the order of DVC's listings."""

    kept: list[str]
    excluded: list[str]  # by a .dvcignore, without hidden ones


def list_files(folder: Path) -> list[str]:
    """The files in `folder` and below that no .dvcignore excludes, as paths relative to it, sorted.

    If one excludes `folder` itself, as it does what is written aside (traces/files.py), no pattern counts. Links to
    files are files; DVC does not follow links to folders.

    Raises:
        TracesError: a .dvcignore cannot be read, or one is in the folder.
    """
    return _files(folder, from_root=False).kept


def hashed_files(folder: Path) -> Files:
    """The files that DVC hashes as `folder`: those of `list_files`, and none if `folder` itself is excluded.

    Raises:
        TracesError: as `list_files`.
    """
    return _files(folder, from_root=True)


def is_excluded(path: Path) -> bool:
    """Whether a .dvcignore excludes the file `path`, which need not be there.

    Raises:
        TracesError: a .dvcignore cannot be read.
    """
    rules, place = _rules_of(path.parent)
    return rules.exclude(_join(place, path.name), is_folder=False)


def _files(folder: Path, *, from_root: bool) -> Files:
    top = _absolute(folder)
    root = _root(top)
    inside = top.is_relative_to(root)
    rules, path = _rules_of(folder)
    if not from_root and path and rules.exclude(path, is_folder=True):
        rules, inside = _Rules(()), False
    kept: list[str] = []
    excluded: list[str] = []
    pending = [("", path, rules, False)]
    while pending:
        inner, place, held, dropped = pending.pop()
        # A folder that is missing or may not be read is empty, as for DVC.
        _, folders, files = next(os.walk(top / inner), ("", [], []))
        held = held.without_repositories(root, place, folders) if inside else held
        for name in files:
            relative = _join(inner, name)
            if dropped or held.exclude(_join(place, name), is_folder=False):
                excluded.append(relative)
            elif name == DVCIGNORE:
                raise TracesError(
                    f"{folder / relative}: DVC accepts no {DVCIGNORE} inside a folder that it hashes; "
                    f"move its lines to the {DVCIGNORE} at the top of the repository"
                )
            else:
                kept.append(relative)
        for name in folders:
            relative, there = _join(inner, name), _join(place, name)
            if (top / relative).is_symlink():
                continue
            out = dropped or held.exclude(there, is_folder=True)
            if not (out and name.startswith(".")):
                pending.append((relative, there, held if out or not inside else held.in_folder(root, there), out))
    visible = (name for name in excluded if not any(part.startswith(".") for part in name.split("/")))
    return Files(sorted(kept), sorted(visible))


def _rules_of(folder: Path) -> tuple[_Rules, str]:
    """The rules in `folder`, and its path from the repository's root; none outside of a repository."""
    top = _absolute(folder)
    root = _root(top)
    if not top.is_relative_to(root):
        return _Rules(()), ""
    rules, path = _Rules.of_root(root), ""
    for part in top.relative_to(root).parts:
        path = _join(path, part)
        rules = rules.in_folder(root, path)
    return rules, path


def _absolute(folder: Path) -> Path:
    return Path(os.path.abspath(folder))  # noqa: PTH100 - like DVC it removes `..` and leaves links alone


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _root(folder: Path) -> Path:
    """The root of the DVC repository that `folder` is in; the working directory if there is none."""
    return next((place for place in folder.parents if (place / ".dvc").is_dir()), Path.cwd())


class _Pattern(NamedTuple):
    """One line of a .dvcignore, relative to the repository's root."""

    regex: re.Pattern[str]
    excludes: bool  # false for a line that begins with `!`
    folders_only: bool


class _Rules:
    """The patterns that hold in one folder: those of the folders above it come first."""

    def __init__(self, patterns: tuple[_Pattern, ...]) -> None:
        self.patterns = patterns
        self._verdict = cache(self._last_match)

    @classmethod
    def of_root(cls, root: Path) -> _Rules:
        rules = cls(tuple(_compiled(_BUILT_IN, ""))).in_folder(root, "")
        return rules.without_repositories(root, "", sorted(path.name for path in root.iterdir() if path.is_dir()))

    def in_folder(self, root: Path, folder: str) -> _Rules:
        """These rules and the .dvcignore in `folder`, if there is one that they do not exclude."""
        path = root / folder / DVCIGNORE
        if self.exclude(_join(folder, DVCIGNORE), is_folder=False) or not os.path.lexists(path):
            return self
        return self._and(_compiled(_lines(path), folder, path))

    def without_repositories(self, root: Path, folder: str, names: list[str]) -> _Rules:
        """These rules, and one for each folder among `names` that is a DVC repository of its own."""
        inner = [f"/{name}/" for name in names if os.path.lexists(root / folder / name / ".dvc")]
        return self._and(_compiled(inner, folder))

    def _and(self, more: Iterable[_Pattern]) -> _Rules:
        added = tuple(more)
        return _Rules(self.patterns + added) if added else self

    def exclude(self, path: str, *, is_folder: bool) -> bool:
        """Whether `path`, or a folder above it, is excluded."""
        parts = path.split("/")
        ends = range(1, len(parts) + 1)
        return any(self._verdict("/".join(parts[:end]), is_folder or end < len(parts)) for end in ends)

    def _last_match(self, path: str, is_folder: bool) -> bool:
        forms = (path, f"{path}/") if is_folder else (path,)
        for pattern in reversed(self.patterns):
            if (is_folder or not pattern.folders_only) and any(map(pattern.regex.match, forms)):
                return pattern.excludes
        return False


def _lines(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except (OSError, UnicodeError) as error:
        raise TracesError(f"{path}: {one_line(str(error))}; DVC cannot read it either") from None
    return [line for line in lines if line and not line.startswith("#")]


def _compiled(lines: Iterable[str], folder: str, source: Path | None = None) -> Iterable[_Pattern]:
    """The patterns of lines that stand in `folder`."""
    for line in lines:
        try:
            # As it stands, too: DVC refuses or drops a line by that, before it moves it to the root.
            found = _pattern(line) and _pattern(_from_root(line, folder) if folder else line)
        except (ValueError, re.error):
            raise TracesError(f"{source}: {one_line(line, 80)!r} is no pattern; DVC cannot read it either") from None
        if found is not None:
            yield found


def _pattern(text: str) -> _Pattern | None:
    """What a line means; None for one that means nothing."""
    # Here, since most commands never list a folder.
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    regex, excludes = GitIgnoreSpecPattern.pattern_to_regex(text)
    return None if regex is None or excludes is None else _Pattern(re.compile(regex), excludes, text.endswith("/"))


def _from_root(line: str, folder: str) -> str:
    """A line of the .dvcignore in `folder`, as it would be written at the root: `dvc.pathspec_math.change_rule`."""
    negated, line = ("!", line[1:]) if line.startswith("!") else ("", line)
    anywhere = "/" not in line[:-1] or line.startswith("**/")
    line = line.removeprefix("**/" if anywhere else "/").removeprefix("\\")
    return f"{negated}/{folder}/{'**/' if anywhere else ''}{line}".removeprefix("/")
