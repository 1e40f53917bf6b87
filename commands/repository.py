"""The Git repository that a dataset lies in, asked by Git's own command."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

from traces.errors import TracesError, WrongUse, one_line

# Set in a hook or by `git rebase --exec`: they would point a command at another repository than its folder's.
_LOCAL = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
)  # fmt: skip


def git(*arguments: str, folder: Path = Path(), given: str | None = None) -> str:
    """What a Git command prints, of what it is `given` on stdin.

    Raises:
        TracesError: it failed; with what Git said.
    """
    command = ["git", "-C", str(folder), *arguments]
    environment = {key: value for key, value in os.environ.items() if key not in _LOCAL}
    done = subprocess.run(  # noqa: S603 - Git, with what this project asks of it
        command, env=environment, input=given, capture_output=True, check=False, encoding="utf-8",
        errors="surrogateescape",  # a file that is no UTF-8 is a text all the same, and encodes to what it was
    )  # fmt: skip
    if done.returncode:
        said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise TracesError(f"git {arguments[0]}: {one_line(said)}")
    return done.stdout


def commit_of(revision: str) -> str:
    """The full hash of a commit, by any name that Git knows, or that of an experiment.

    Raises:
        TracesError: there is no repository.
        WrongUse: there is none by this name, or more than one experiment; or it is empty.
    """
    if not revision.strip():
        raise WrongUse("an empty name of a version: an unset variable? Name a commit, tag, branch or experiment")
    with suppress(TracesError):
        return git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    # DVC keeps an experiment at refs/exps/BASELINE/NAME, the baseline's hash in two parts.
    refs = (line.split() for line in git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps").splitlines())
    found = {commit for commit, name in refs if name.count("/") == 4 and name.endswith(f"/{revision}")}
    if len(found) == 1:
        return found.pop()
    what = "more than one experiment, name its commit" if found else "no commit, tag, branch or experiment here"
    raise WrongUse(f"{one_line(revision, 80)}: {what}")


def clean_environment() -> dict[str, str]:
    """The environment of this process, without what would point a command at another repository than its own."""
    elsewhere = ("GIT_", "DVC_ROOT", "DVC_STAGE", "DVC_EXP", "DVC_CACHE")
    return {key: value for key, value in os.environ.items() if not key.startswith(elsewhere)}
