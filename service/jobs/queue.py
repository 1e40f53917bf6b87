"""The queue: a request becomes a job, jobs are begun in order, and each is watched until it ends."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from commands.repository import git
from service.jobs.journal import Asked, Job, Result, State, all_jobs, new_job
from service.jobs.marks import mark_of, marked_processes
from service.jobs.request import BuildRequest
from service.settings import Settings, without_token
from stages.params.models import Params
from stages.params.reading import PARAMS
from stages.yaml_file import read_yaml

LOOK_S = 0.2
DONE: tuple[State, ...] = ("succeeded", "failed", "cancelled")


class QueueFullError(Exception):
    """As many jobs wait as may."""


@dataclass
class Queue:
    """All jobs. What is on disk is the truth; here is only what saves looking there again."""

    settings: Settings
    jobs: dict[str, Job] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    begun: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def load(self) -> None:
        """Take up what earlier services left."""
        self.jobs = {job.id: job for job in all_jobs(self.settings.root)}
        self.ended = {job.id for job in self.jobs.values() if job.state in DONE}

    def ask(self, request: BuildRequest) -> tuple[Job, bool]:
        """The job of a request, and whether it is new: the same request of the same repository is the same job.

        Raises:
            QueueFullError: too many wait.
            pydantic.ValidationError: the request does not go together with params.yaml.
        """
        held = read_yaml(self.settings.root / PARAMS)
        Params.model_validate(request.params(held))
        arguments = request.arguments(held)
        key = hashlib.sha256(json.dumps([_base(self.settings.root), arguments]).encode()).hexdigest()
        same = [job for job in self.jobs.values() if job.asked.key == key]
        if same and same[-1].state not in ("failed", "cancelled"):
            return same[-1], False
        waiting = sum(job_id not in self.ended for job_id in self.jobs)
        if waiting >= self.settings.limits.queued_jobs:
            raise QueueFullError
        number = max((job.asked.number for job in self.jobs.values()), default=0) + 1
        asked = Asked(key, number, request.model_dump(mode="json"), arguments)
        job = new_job(self.settings.root, f"{key[:12]}-{len(same) + 1}", asked)
        self.jobs[job.id] = job
        self.changed.set()
        return job, True

    def cancel(self, job: Job) -> bool:
        """Cancel a job; False where it has ended already."""
        with job.held_if_free() as free:
            if job.result is not None:
                return False
            if free:
                job.end(Result("cancelled"))
                return True
        with suppress(ProcessLookupError, FileNotFoundError, ValueError):
            pid = int((job.folder / "pid").read_text())
            if pid in marked_processes(job.folder):  # and not another's by now
                os.kill(pid, signal.SIGTERM)
        return True

    async def run(self) -> None:
        """Begin jobs in their order, as many at a time as the settings say, for as long as the service runs."""
        while True:
            await asyncio.to_thread(self._look)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), LOOK_S)
            self.changed.clear()

    def _look(self) -> None:
        for job_id, process in [*self.begun.items()]:
            if process.poll() is not None:
                del self.begun[job_id]
        open_jobs = [job for job_id, job in [*self.jobs.items()] if job_id not in self.ended]
        states = {job.id: job.state for job in open_jobs}
        self.ended |= {job_id for job_id, state in states.items() if state in DONE}
        running = {job_id for job_id, state in states.items() if state == "running"} | self.begun.keys()
        for job in open_jobs:
            if len(running) >= self.settings.jobs:
                break
            if states[job.id] == "queued" and job.id not in running:
                self.begun[job.id] = self._begin(job)
                running.add(job.id)

    def _begin(self, job: Job) -> subprocess.Popen[bytes]:
        with (job.folder / "runner.txt").open("ab") as said:
            return subprocess.Popen(  # noqa: S603 - a module of ours
                [sys.executable, "-m", "service.jobs.runner", str(job.folder)],
                cwd=self.settings.root,
                env=without_token() | mark_of(job.folder),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    async def wait(self, job: Job) -> State:
        """Wait until a job has ended."""
        while (state := await asyncio.to_thread(lambda: job.state)) not in DONE:
            await asyncio.sleep(LOOK_S)
        return state

    async def log(self, job: Job, start: int) -> AsyncIterator[tuple[int, str]]:
        """The log from byte `start` to its end as it is written: whole lines, with the byte after them."""
        while True:
            ended = await asyncio.to_thread(lambda: job.state) in DONE
            text, start = await asyncio.to_thread(_read, job.log, start, ended)
            yield start, text
            if ended and not text:
                return
            if not text:
                await asyncio.sleep(LOOK_S)


def _read(log: Path, start: int, whole: bool) -> tuple[str, int]:
    try:
        with log.open("rb") as file:
            file.seek(start)
            data = file.read(1 << 16)
    except FileNotFoundError:
        return "", start
    if not whole:
        data = data[: data.rfind(b"\n") + 1]
    return data.decode(errors="replace"), start + len(data)


def _base(root: Path) -> str:
    """What an experiment would begin with: the commit, and what the workspace has changed of it."""
    changes = git("diff", "HEAD", "--binary", folder=root)
    return git("rev-parse", "HEAD", folder=root).strip() + hashlib.sha256(changes.encode()).hexdigest()
