"""A clean copy of a commit: what Git tracks of it and nothing else, its DVC cache empty.

`python -m commands.verification.clean_copy COMMIT FOLDER` makes one that stays, for the scripts in .ci/.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from commands.history import commit_of
from commands.repository import git, run_git
from traces.errors import TracesError

# Of this copy alone: a person's own settings may name a cache that is shared, which would know the answers.
_CONFIG = "[cache]\n    dir = cache\n    type = reflink,copy\n"


@contextmanager
def clean_copy(commit: str) -> Iterator[Path]:
    """A folder with the repository at a commit, below TMPDIR; gone on leaving, by SIGTERM or SIGHUP, too.

    Raises:
        TracesError: Git cannot make it, or the commit is of no DVC repository.
    """
    with _leaving_on_signals(), tempfile.TemporaryDirectory(prefix="traces-verify-") as scratch:
        copy = Path(scratch) / "copy"
        check_out(commit, copy)
        (copy / ".dvc" / "config.local").write_text(_CONFIG, encoding="utf-8")
        yield copy


def check_out(commit: str, copy: Path) -> None:
    """Make a repository at `copy` that borrows this one's objects, at a commit and without a branch.

    Not by `git clone`, which goes by what a person set for transports, addresses and templates.

    Raises:
        TracesError: Git cannot make it whole, or the commit is of no DVC repository.
    """
    if _is_partial():
        _fetch_files(commit)
    kind = git("rev-parse", "--show-object-format").strip()
    git("init", "--quiet", "--template=", f"--object-format={kind}", str(copy))
    objects = Path(git("rev-parse", "--git-path", "objects").strip()).absolute()
    alternates = copy / ".git" / "objects" / "info" / "alternates"
    alternates.parent.mkdir(parents=True, exist_ok=True)
    alternates.write_text(f"{objects}\n", encoding="utf-8", errors="surrogateescape")
    git("read-tree", "--reset", "-u", commit, folder=copy)
    git("update-ref", "--no-deref", "HEAD", commit, folder=copy)
    # Git may say that all went well though it could not read some of the files.
    if absent := [name for name in git("diff-files", "-z", "--name-only", folder=copy).split("\0") if name]:
        raise TracesError(
            f"commit {commit[:12]}: Git could not check out {len(absent)} of its files, first {absent[0]}"
        )
    if not (copy / ".dvc").is_dir():
        raise TracesError(f"commit {commit[:12]}: has no .dvc, so there is nothing that could be built again")


def _is_partial() -> bool:
    return not run_git("config", "--get-regexp", r"^remote\..*\.promisor$", "^true$").returncode


def _fetch_files(commit: str) -> None:
    """Have Git fetch, all at once, what a clone made with --filter lacks of a commit."""
    with tempfile.TemporaryDirectory(prefix="traces-fetch-") as scratch:
        try:
            git(f"--work-tree={scratch}", "read-tree", "--reset", "-u", commit, index=Path(scratch) / ".index")
        except TracesError as error:
            raise TracesError(
                f"{error}; this clone is a partial one (`git clone --filter`), and its remote has to bring the rest of "
                f"commit {commit[:12]}"
            ) from None


@contextmanager
def _leaving_on_signals() -> Iterator[None]:
    before = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    try:
        check_out(commit_of(sys.argv[1]), Path(sys.argv[2]))
    except TracesError as error:
        sys.exit(f"clean_copy: {error}")
