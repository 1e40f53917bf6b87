"""Workers: results in order, few at a time, errors where they belong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.runtime.executor import open_workers, worker_count
from tests.support.shell import ROOT
from traces.errors import TracesError


def double(number: int) -> int:
    return 2 * number


def fail(number: int) -> int:
    raise TracesError(f"number {number}")


def process_of(_: int) -> int:
    return os.getpid()


@pytest.mark.parametrize("workers", ["1", "3"])
def test_results_come_in_the_order_of_the_items(monkeypatch: pytest.MonkeyPatch, workers: str) -> None:
    monkeypatch.setenv("TRACES_WORKERS", workers)
    with open_workers(20) as found:
        assert list(found.map(double, range(20))) == [2 * n for n in range(20)]


def test_items_are_taken_only_a_few_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACES_WORKERS", "2")
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(100):
            taken += 1
            yield number

    with open_workers(100) as found:
        results = found.map(double, items())
        for done in range(1, 50):
            next(results)
            assert taken <= done + 2


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_error_in_a_worker_is_that_error_here(monkeypatch: pytest.MonkeyPatch, workers: str) -> None:
    monkeypatch.setenv("TRACES_WORKERS", workers)
    with pytest.raises(TracesError, match="number 0"), open_workers(5) as found:
        list(found.map(fail, range(5)))


_ABANDONED = """
import sys, time
from threading import Thread
from stages.runtime.executor import open_workers
from tests.stages.runtime.test_executor import process_of
if sys.argv[1] == "threads":
    Thread(target=time.sleep, args=(60,), daemon=True).start()
with open_workers(2) as workers:
    print(next(workers.map(process_of, range(4))), flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("threads", ["one", "threads"])
def test_workers_end_with_a_stage_that_is_killed(threads: str) -> None:
    command = [sys.executable, "-c", _ABANDONED, threads]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | {"TRACES_WORKERS": "2"}, stdout=subprocess.PIPE) as stage:
        assert stage.stdout is not None
        worker = Path(f"/proc/{int(stage.stdout.readline())}")
        assert worker.exists()
        stage.kill()
    for _ in range(100):
        if not worker.exists():
            break
        time.sleep(0.1)
    assert not worker.exists()


def test_workers_are_forks_of_a_process_with_one_thread() -> None:
    script = """
from threading import Thread
import time
from stages import validate
from stages.runtime.executor import _context
print(_context().get_start_method())
Thread(target=time.sleep, args=(60,), daemon=True).start()
print(_context().get_start_method())
"""
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True)
    assert said.stdout.split() == ["fork", "forkserver"]


def test_one_worker_or_one_task_needs_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for workers, tasks in (("1", 5), ("4", 1), ("4", 0)):
        monkeypatch.setenv("TRACES_WORKERS", workers)
        with open_workers(tasks) as found:
            assert set(found.map(process_of, range(tasks))) <= {os.getpid()}


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5"])
def test_a_bad_number_of_workers_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TRACES_WORKERS", value)
    with pytest.raises(TracesError, match=f"TRACES_WORKERS={value}: expected a whole number from 1 to 1024"):
        worker_count()


def test_unset_the_cores_that_this_process_may_use_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRACES_WORKERS")
    assert worker_count() == len(os.sched_getaffinity(0))
