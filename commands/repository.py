"""The Git repository that a dataset lies in, asked by Git's own command."""

from __future__ import annotations

import os
import subprocess
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
        command, env=environment, input=given, capture_output=True, check=False, text=True
    )
    if done.returncode:
        said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise TracesError(f"git {arguments[0]}: {one_line(said)}")
    return done.stdout


def commit_of(revision: str) -> str:
    """The full hash of a commit, by any name that Git knows.

    Raises:
        TracesError: there is no repository.
        WrongUse: Git knows none by this name.
    """
    try:
        return git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except TracesError:
        git("rev-parse", "--git-dir")  # which says so, where there is no repository at all
        raise WrongUse(f"{one_line(revision, 80)}: no commit, tag or branch of this repository") from None


def clean_environment() -> dict[str, str]:
    """The environment of this process, without what would point a command at another repository than its own."""
    elsewhere = ("GIT_", "DVC_ROOT", "DVC_STAGE", "DVC_EXP", "DVC_CACHE")
    return {key: value for key, value in os.environ.items() if not key.startswith(elsewhere)}
