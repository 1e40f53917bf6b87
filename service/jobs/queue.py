"""The queue: a request becomes a job, jobs are begun in order, and each is watched until it ends."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from service.datasets.catalog import find_dataset
from service.jobs.base import base_of, workspace_turn
from service.jobs.journal import Asked, Job, Result, State, all_jobs, new_job
from service.jobs.log import lines_of, read_lines
from service.jobs.marks import mark_of, marked_processes
from service.jobs.request import BuildRequest
from service.room import require_room
from service.settings import Settings, without_token
from stages.params.models import Params
from stages.params.reading import PARAMS, load_params
from stages.yaml_file import read_yaml

LOOK_S = 0.2
PAUSE_S = 2  # where a look failed: the machine may be short of something for a while
DONE: tuple[State, ...] = ("succeeded", "failed", "cancelled")
_log = logging.getLogger(__name__)


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
    turn: threading.Lock = field(default_factory=threading.Lock)

    def load(self) -> None:
        """Take up what earlier services left."""
        self.jobs = {job.id: job for job in all_jobs(self.settings.root)}
        self.ended = {job.id for job in self.jobs.values() if job.state in DONE}

    def ask(self, request: BuildRequest) -> tuple[Job, bool]:
        """The job of a request, and whether it is new: the same request of the same repository is the same job.

        Raises:
            QueueFullError: too many wait.
            NoRoomError: the disk is nearly full.
            TracesError: params.yaml is not what its schema says.
            pydantic.ValidationError: the request does not go together with params.yaml.
        """
        with workspace_turn(self.settings.root):
            load_params(self.settings.root / PARAMS)
            held = read_yaml(self.settings.root / PARAMS)
            base = base_of(self.settings.root)
        Params.model_validate(request.params(held))
        arguments = request.arguments(held)
        key = hashlib.sha256(json.dumps([base, arguments]).encode()).hexdigest()
        with self.turn:
            return self._job(Asked(key, base, 0, request.model_dump(mode="json"), arguments))

    def _job(self, asked: Asked) -> tuple[Job, bool]:
        same = [job for job in self.jobs.values() if job.asked.key == asked.key]
        if same and _stands(same[-1]):
            return same[-1], False
        waiting = sum(job_id not in self.ended for job_id in self.jobs)
        if waiting >= self.settings.limits.queued_jobs:
            raise QueueFullError
        require_room(self.settings)
        number = max((job.asked.number for job in self.jobs.values()), default=0) + 1
        turn = int(same[-1].id.rpartition("-")[2]) + 1 if same else 1
        job = new_job(self.settings.root, f"{asked.key[:12]}-{turn}", replace(asked, number=number))
        self.jobs[job.id] = job
        self.changed.set()
        return job, True

    def cancel(self, job: Job) -> bool:
        """Cancel a job; False where it has ended already."""
        if job.state in DONE:
            return False
        job.unwant()
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
            try:
                await asyncio.to_thread(self._look)
            except Exception:  # whatever it is, those who wait are not to wait for ever
                _log.exception("the queue could not be looked at; it is tried again")
                await asyncio.sleep(PAUSE_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), LOOK_S)
            self.changed.clear()

    def _look(self) -> None:
        for job_id, process in [*self.begun.items()]:
            if process.poll() is not None:
                del self.begun[job_id]
        for job_id, job in [*self.jobs.items()]:
            if not job.folder.is_dir():  # somebody took it away
                del self.jobs[job_id]
        open_jobs = [job for job_id, job in [*self.jobs.items()] if job_id not in self.ended]
        for job in open_jobs:
            if job.unwanted and job.state == "queued":
                self.cancel(job)
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

    async def log(self, job: Job, start: int) -> AsyncIterator[list[tuple[int, str]]]:
        """The log from byte `start` to its end as it is written: lines, each with the byte after it."""
        while True:
            ended = await asyncio.to_thread(lambda: job.state) in DONE
            place, data = await asyncio.to_thread(read_lines, job.log, start, ended)
            after = place + len(data)
            yield lines_of(place, data)
            if after == start:
                if ended:
                    return
                await asyncio.sleep(LOOK_S)
            start = after


def _stands(job: Job) -> bool:
    """Whether the same request is this job: it is under way, or its dataset is still there."""
    result = job.result
    if result is None:
        return not job.unwanted
    return result.dataset_id is not None and find_dataset(result.dataset_id) is not None
