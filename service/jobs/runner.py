"""`python -m service.jobs.runner FOLDER`: runs one job, and writes how it ended.

A process of its own, in a session of its own: it goes on where the service is stopped or killed, and the next one
finds it by its lock. It begins nothing that has a result, or whose experiment is there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from commands.history import commit_of
from commands.repository import clean_environment
from service.datasets.catalog import manifest_of
from service.jobs.base import base_of, workspace_turn
from service.jobs.journal import Job, Result
from service.jobs.marks import mark_of, marked_processes
from service.jobs.progress import failure
from traces.errors import TracesError

_TRIES, _PATIENCE_S = 3, 4  # how often all of a job is asked to end, and how long it gets, before it is killed


class _CancelledError(BaseException):
    pass


def main(folder: Path) -> None:
    """Run the job in `folder`, with the repository's root as the working directory."""
    job = Job(folder)
    signal.signal(signal.SIGTERM, _cancel)
    # What a shell runs in the background ignores Ctrl-C, and so would all that is started here, to the last worker.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with job.held():
        if job.result is not None:
            return
        (job.folder / "pid").write_text(str(os.getpid()))
        try:
            result = Result("cancelled") if job.unwanted else _run(job)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        except _CancelledError:
            _end(job.folder)
            result = _made(job) or Result("cancelled")
        except Exception:  # a job without a result would be begun again
            traceback.print_exc()
            result = Result("failed", error="the build could not be run; the log of the service's machine may tell")
        job.end(result)


def _cancel(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _CancelledError


def _run(job: Job) -> Result:
    _end(job.folder)
    if done := _made(job):
        return done
    with job.log.open("ab") as log:
        begun = log.tell()
        with workspace_turn(Path()):
            if base_of(Path()) != job.asked.base:
                return Result("failed", error="the repository has changed since this was asked for; ask again")
            child = _begin(job, log)
            try:
                while child.poll() is None and not _has_left_workspace(job.log, begun):
                    time.sleep(0.05)
            except _CancelledError:
                _end(job.folder)  # before another has its turn
                raise
    child.wait()
    if child.returncode == 0 and (done := _made(job)):
        return done
    return Result("failed", error=failure(job.log))


def _begin(job: Job, log: IO[bytes]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dvc", "exp", "run", "validate", "--temp", "--name", job.experiment]
    for argument in job.asked.arguments:
        command += ["-S", argument]
    return subprocess.Popen(  # noqa: S603 - DVC, with arguments that the params' models have checked
        command,
        env=clean_environment() | mark_of(job.folder) | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
    )


def _has_left_workspace(log: Path, begun: int) -> bool:
    """Whether DVC has stashed the experiment: it says that it reproduces it when the workspace is as it was."""
    with log.open("rb") as said:
        said.seek(begun)
        return b"Reproducing experiment" in said.read()


def _made(job: Job) -> Result | None:
    """The result of a job whose experiment is there."""
    with suppress(TracesError):
        commit = commit_of(job.experiment)
        return Result("succeeded", manifest_of(commit)["dataset_id"], commit)
    return None


def _end(folder: Path) -> None:
    """End all that a job runs, also what a killed runner left, as Ctrl-C does: so each leaves what it touched in order.

    DVC itself ignores that while a stage runs, and leaves it to the stage.
    """
    numbers = chain(repeat(signal.SIGINT, _TRIES), repeat(signal.SIGKILL))
    while pids := _processes(folder):
        number = next(numbers)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        until = time.monotonic() + _PATIENCE_S
        while _processes(folder) and time.monotonic() < until:
            time.sleep(0.05)


def _processes(folder: Path) -> list[int]:
    return [pid for pid in marked_processes(folder) if pid != os.getpid()]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
