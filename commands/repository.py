"""The Git repository that a dataset lies in, asked by Git's own command. No other module starts Git.

`python -m commands.repository ARGUMENTS` is the same Git for the scripts in .ci/ and the recipes of the Makefile.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from traces.errors import TracesError, one_line

# All that a person or a hook may set for Git is dropped, apart from how Git reaches others and finds its settings:
# GIT_CONFIG_* may hold a safe.directory, which is theirs to say.
_KEPT = (
    "GIT_ALLOW_PROTOCOL", "GIT_ASKPASS", "GIT_CEILING_DIRECTORIES", "GIT_CONFIG_", "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_EXEC_PATH", "GIT_HTTP", "GIT_PROTOCOL_FROM_USER", "GIT_PROXY", "GIT_SSH", "GIT_SSL", "GIT_TERMINAL_PROMPT",
)  # fmt: skip
# What would change the bytes that Git checks out, the files that it calls changed, or what it prints. Most settings
# (log.*, diff.*, color.*, status.*) never matter: only plumbing is called, which does not read them.
_SETTINGS = {
    "advice.detachedHead": "false",
    "advice.graftFileDeprecated": "false",  # by GIT_GRAFT_FILE below
    "color.ui": "false",
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.eol": "lf",
    "core.excludesFile": os.devnull,
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.ignoreStat": "false",
    "core.quotePath": "false",
    "core.safecrlf": "false",
    "core.sparseCheckout": "false",
    "core.untrackedCache": "false",
    "grep.patternType": "default",
    "init.defaultBranch": "main",
}
_ENVIRONMENT = {
    "LC_ALL": "C",  # the `fatal:` line that an error quotes
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_GRAFT_FILE": os.devnull,  # commands.history names such a file
    "GIT_NO_REPLACE_OBJECTS": "1",  # a commit is what its hash says; `--all` has the replacements, too
    "GIT_OPTIONAL_LOCKS": "0",
}


def git(*arguments: str, folder: Path = Path(), given: str | None = None, index: Path | None = None) -> str:
    """What a Git command prints, of what it is `given` on stdin; with a file of its own as the `index`.

    Raises:
        TracesError: it failed; with what Git said.
    """
    done = run_git(*arguments, folder=folder, given=given, index=index)
    if done.returncode:
        raise failure(done)
    return done.stdout


def run_git(
    *arguments: str, folder: Path = Path(), given: str | None = None, index: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """How a Git command ended, and what it printed; arguments as of `git`.

    Raises:
        TracesError: there is no Git.
    """
    try:
        return subprocess.run(  # noqa: S603 - Git, with what this project asks of it
            _command(folder, arguments), env=_environment(index), input=given, capture_output=True, check=False,
            encoding="utf-8",
            errors="surrogateescape",  # a file that is no UTF-8 is a text all the same, and encodes to what it was
        )  # fmt: skip
    except FileNotFoundError:
        raise TracesError("git: not found on PATH; install Git") from None


def failure(done: subprocess.CompletedProcess[str]) -> TracesError:
    """The error of a Git command that failed: the reason that Git gives, without the hints and warnings around it."""
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    said = [line for kind in ("fatal: ", "error: ") for line in lines if line.startswith(kind)]
    command = next(part for part in done.args[len(_command(Path(), ())) :] if not part.startswith("-"))
    return TracesError(f"git {command}: {one_line(said[0] if said else lines[-1], 1000)}")


def blobs_at(path: Path, revisions: list[str]) -> list[str]:
    """The hash of the file at `path`, from the root of the repository, in each revision; empty if it has none.

    Raises:
        TracesError: a revision has the file, but the repository has lost it.
    """
    asked = "".join(f"{revision}:{path.as_posix()}\n" for revision in revisions)
    found = git("cat-file", "--batch-check=%(objectname) %(objecttype)", given=asked).splitlines()
    blobs = [line.split()[0] if line.endswith(" blob") else "" for line in found]
    if absent := [revision for revision, blob in zip(revisions, blobs, strict=True) if not blob]:
        # `cat-file` calls a file that is lost missing, like one that the revision never had; this fails.
        asked = "".join(f"{revision}\n" for revision in absent)
        git("rev-list", "--objects", "--no-walk", "--stdin", given=f"{asked}--\n{path.as_posix()}\n")
    return blobs


@dataclass(frozen=True)
class Changes:
    """Paths, from a workspace's folder, of files that a commit has otherwise or only the commit has; and of files that
    the commit lacks and no .gitignore names.
    """

    changed: list[str]
    untracked: list[str]


def changes_since(commit: str, folder: Path = Path()) -> Changes:
    """What differs in the workspace from a commit.

    Every file is read, by an index that knows nothing: what is staged does not count, nor what a person told Git's own
    index to take for unchanged. A file that a sparse checkout leaves out has not changed.
    """
    with tempfile.TemporaryDirectory(prefix="traces-index-") as scratch:
        index = Path(scratch) / "index"
        git("read-tree", commit, folder=folder, index=index)
        run_git("update-index", "-q", "--refresh", folder=folder, index=index)  # it fails if a file has changed
        changed = git("diff-files", "-z", "--name-only", "--relative", folder=folder, index=index)
        untracked = git("ls-files", "-z", "--others", "--exclude-standard", folder=folder, index=index)
    marked = git("ls-files", "-z", "-t", folder=folder).split("\0")
    left_out = {name[2:] for name in marked if name.startswith("S ") and not os.path.lexists(folder / name[2:])}
    return Changes(
        [name for name in sorted(changed.split("\0")) if name and name not in left_out],
        [name for name in sorted(untracked.split("\0")) if name],
    )


def clean_environment() -> dict[str, str]:
    """The environment for DVC: nothing points it at another repository, and it sends no experiment to anyone."""
    elsewhere = ("DVC_ROOT", "DVC_STAGE", "DVC_EXP", "DVC_CACHE")
    kept = {key: value for key, value in _kept().items() if not key.startswith(elsewhere)}
    return kept | {"DVC_EXP_AUTO_PUSH": "false", "DVC_STUDIO_OFFLINE": "true"}


def _command(folder: Path, arguments: Iterable[str]) -> list[str]:
    settings = (part for key, value in _SETTINGS.items() for part in ("-c", f"{key}={value}"))
    return ["git", "-C", str(folder), "--no-pager", *settings, *arguments]


def _environment(index: Path | None = None) -> dict[str, str]:
    kept = {key: value for key, value in _kept().items() if not key.startswith(("LC_", "LANG"))}
    return kept | _ENVIRONMENT | ({"GIT_INDEX_FILE": str(index.absolute())} if index else {})


def _kept() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key.startswith(_KEPT)}


def main() -> None:
    """Run Git with the arguments of this process, which it replaces."""
    command = _command(Path(), sys.argv[1:])
    os.execvpe(command[0], command, _environment())  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
