"""Jobs on disk: a folder each, so that a restart of the service forgets none.

`request.json` is written first, and `result.json` last; each is whole where it has its name. Between the two the
process that runs the job holds the lock of its folder, and the kernel lets go of it however that process ends. So a job
without a result is running where its lock is held, and else waits to be begun, or begun again.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from traces.files import write_text

JOBS = Path(".cache/service/jobs")
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True)
class Asked:
    """What a job was asked for: `key` is the same for the same request of the same `base` (service.jobs.base)."""

    key: str
    base: str
    number: int  # in the order in which they were asked for
    request: dict[str, Any]
    arguments: list[str]


@dataclass(frozen=True)
class Result:
    """How a job ended. `commit` is the experiment's, `error` a line for a person."""

    state: Literal["succeeded", "failed", "cancelled"]
    dataset_id: str | None = None
    commit: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Job:
    """A job by its folder, whose name is its id."""

    folder: Path

    @property
    def id(self) -> str:
        """Its name, also in DVC's list of experiments, there after `serve-`."""
        return self.folder.name

    @property
    def experiment(self) -> str:
        """The name of its experiment."""
        return f"serve-{self.id}"

    @cached_property
    def asked(self) -> Asked:
        """What it was asked for."""
        return Asked(**json.loads((self.folder / "request.json").read_bytes()))

    @property
    def log(self) -> Path:
        """What DVC and the stages said."""
        return self.folder / "log.txt"

    @property
    def unwanted(self) -> bool:
        """Whether it was asked to be cancelled, which counts whoever sees it first."""
        return (self.folder / "cancel").exists()

    def unwant(self) -> None:
        """Ask for it to be cancelled."""
        (self.folder / "cancel").touch()

    @property
    def result(self) -> Result | None:
        """How it ended; None where it has not."""
        try:
            return Result(**json.loads((self.folder / "result.json").read_bytes()))
        except FileNotFoundError:
            return None

    @property
    def state(self) -> State:
        """Where it stands."""
        result = self.result
        if result is not None:
            return result.state
        with self._lock(fcntl.LOCK_SH | fcntl.LOCK_NB) as free:
            # It may have ended between the two looks.
            result = self.result
        if result is not None:
            return result.state
        return "queued" if free else "running"

    def held(self) -> AbstractContextManager[bool]:
        """Hold the job's lock, where another process does after that has ended."""
        return self._lock(fcntl.LOCK_EX)

    def held_if_free(self) -> AbstractContextManager[bool]:
        """Hold the job's lock; False where another process does."""
        return self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB)

    @contextmanager
    def _lock(self, how: int) -> Iterator[bool]:
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, how)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(handle)

    def end(self, result: Result) -> None:
        """Write how it ended."""
        write_text(self.folder / "result.json", json.dumps(asdict(result)) + "\n")


def all_jobs(root: Path) -> list[Job]:
    """Every job, the first that was asked for first."""
    found = (Job(path.parent) for path in (root / JOBS).glob("*/request.json"))
    return sorted(found, key=lambda job: (job.asked.number, job.id))


def new_job(root: Path, job_id: str, asked: Asked) -> Job:
    """Write a job down."""
    job = Job(root / JOBS / job_id)
    job.folder.mkdir(parents=True, exist_ok=True)  # an earlier try may have ended here
    write_text(job.folder / "request.json", json.dumps(asdict(asked)) + "\n")
    return job
