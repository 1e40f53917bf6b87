"""The queue and its runner, where something goes wrong or many ask at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.jobs.base import base_of
from service.jobs.journal import JOBS, Asked, Job, Result, all_jobs, new_job
from service.jobs.marks import marked_processes
from service.jobs.queue import Queue, QueueFullError
from service.jobs.request import BuildRequest
from service.room import NoRoomError
from service.settings import Limits, Settings
from tests.support.shell import copy_repository, environment, run
from traces.errors import TracesError


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository without data and cache: here nothing is built."""
    return copy_repository(tmp_path_factory.mktemp("queue") / "project")


@pytest.fixture
def queue(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    monkeypatch.chdir(root)
    yield Queue(Settings(root))
    shutil.rmtree(root / JOBS, ignore_errors=True)


def wanted(version: str = "v1", **changes: Any) -> BuildRequest:
    return BuildRequest(name="duels", version=version, **changes)


def run_job(job: Job) -> Result:
    """What comes of a job that the runner is started on."""
    done = subprocess.run(
        [sys.executable, "-m", "service.jobs.runner", str(job.folder)],
        cwd=job.folder.parents[3], env=environment(), capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert job.result is not None, done.stderr
    return job.result


def test_many_who_ask_at_once_get_one_job_and_others_get_numbers_of_their_own(queue: Queue) -> None:
    with ThreadPoolExecutor(16) as pool:
        same = list(pool.map(lambda _: queue.ask(wanted()), range(16)))
        assert len({job.id for job, _ in same}) == 1
        assert sum(new for _, new in same) == 1
        others = list(pool.map(lambda n: asked(queue, wanted(f"v{n + 2}")), range(40)))
    taken = [job for job in others if job]
    assert len(taken) == queue.settings.limits.queued_jobs - 1
    numbers = [job.asked.number for job in all_jobs(queue.settings.root)]
    assert numbers == list(range(1, queue.settings.limits.queued_jobs + 1))


def asked(queue: Queue, request: BuildRequest) -> Job | None:
    try:
        return queue.ask(request)[0]
    except QueueFullError:
        return None


def test_a_job_whose_folder_was_begun_and_not_finished_can_be_asked_for(queue: Queue) -> None:
    job, _ = queue.ask(wanted())
    (job.folder / "request.json").unlink()
    again = Queue(queue.settings)
    again.load()
    assert again.ask(wanted()) == (job, True)


def test_a_job_that_cannot_be_run_fails_and_is_not_begun_again(queue: Queue) -> None:
    job, _ = queue.ask(wanted())
    asked = json.loads((job.folder / "request.json").read_text())
    (job.folder / "request.json").write_text(json.dumps(asked | {"arguments": ["++filters.game=\0"]}))
    result = run_job(Job(job.folder))
    assert (result.state, result.error) == (
        "failed", "the build could not be run; the log of the service's machine may tell",
    )  # fmt: skip


def test_a_job_of_another_commit_than_it_was_asked_for_is_not_built(queue: Queue) -> None:
    asked = Asked("k", f"{'0' * 40}{'1' * 64}", 1, {}, [])
    result = run_job(new_job(queue.settings.root, "other-1", asked))
    assert (result.state, result.error) == ("failed", "the repository has changed since this was asked for; ask again")
    base = base_of(queue.settings.root)
    with (queue.settings.root / "README.md").open("ab") as file:
        file.write(b"caf\xe9 is no UTF-8\n")
    try:
        assert base_of(queue.settings.root) != base
    finally:
        run(queue.settings.root, "git", "checkout", "--quiet", "README.md")


def test_a_job_that_nobody_wants_any_more_is_not_run_whoever_looks_first(queue: Queue) -> None:
    job, _ = queue.ask(wanted())
    with job.held_if_free() as free:  # as one does who only looks
        assert free
        assert queue.cancel(job)
    assert job.state == "queued"
    again, new = queue.ask(wanted())
    assert new
    assert queue.cancel(again)
    queue._look()
    assert job.state == "cancelled"
    assert not queue.cancel(job)
    other = queue.ask(wanted("v2"))[0]
    other.unwant()
    assert run_job(other).state == "cancelled"


def test_a_job_that_begins_changes_no_other_and_ends_with_its_stage_where_it_is_cancelled(queue: Queue) -> None:
    job, _ = queue.ask(wanted())
    runner = queue._begin(job)
    until, same = time.monotonic() + 60, {job.id}
    while not (job.log.exists() and "Running stage" in job.log.read_text()) and time.monotonic() < until:
        # DVC writes the params of an experiment into the workspace for a moment, which is nobody's change.
        same.add(queue.ask(wanted())[0].id)
    assert same == {job.id}
    assert queue.cancel(job)
    assert runner.wait(60) == 0
    assert job.state == "cancelled"
    # DVC leaves Ctrl-C to the stage, and goes on where that does not heed it.
    assert job.log.read_text().count("Running stage") == 1
    assert marked_processes(job.folder) == []
    assert run(queue.settings.root, "dvc", "exp", "list", "--name-only").out == ""


def test_a_job_whose_folder_was_taken_away_holds_up_no_other(queue: Queue) -> None:
    job, _ = queue.ask(wanted())
    other, _ = queue.ask(wanted("v2"))
    other.unwant()
    shutil.rmtree(job.folder)
    queue._look()
    assert [*queue.jobs.values()] == [other]
    assert other.state == "cancelled"


def test_a_request_that_failed_before_is_never_taken_for_one_of_those_jobs(queue: Queue) -> None:
    first, _ = queue.ask(wanted())
    first.end(Result("failed"))
    second, _ = queue.ask(wanted())
    second.end(Result("failed"))
    shutil.rmtree(first.folder)
    queue._look()
    third, new = queue.ask(wanted())
    assert new
    assert (third.id, third.state) == (f"{first.id[:-2]}-3", "queued")


def test_a_dataset_that_is_gone_is_built_again(queue: Queue) -> None:
    job, _ = queue.ask(wanted())
    manifest = json.loads((queue.settings.root / "data/manifest.json").read_text())
    job.end(Result("succeeded", manifest["dataset_id"], "HEAD"))
    assert queue.ask(wanted()) == (job, False)
    job.end(Result("succeeded", "duels-v1-000000000000", "0" * 40))
    again, new = queue.ask(wanted())
    assert new
    assert again.id != job.id


def test_what_is_wrong_with_the_repository_is_not_the_caller_s_fault(queue: Queue) -> None:
    params = queue.settings.root / "params.yaml"
    held = params.read_text()
    try:
        params.write_text(held + "shell: rm\n")
        with pytest.raises(TracesError, match="shell: no such param"):
            queue.ask(wanted())
    finally:
        params.write_text(held)


def test_nothing_is_begun_on_a_full_disk_but_what_is_there_is_found(queue: Queue) -> None:
    job, _ = queue.ask(wanted())
    queue.settings = replace(queue.settings, limits=Limits(free_bytes=10**18))
    assert queue.ask(wanted()) == (job, False)
    with pytest.raises(NoRoomError, match="GB are free"):
        queue.ask(wanted("v2"))
