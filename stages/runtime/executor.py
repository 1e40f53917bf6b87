"""One executor interface, `concurrent.futures.Executor`: a stage maps a pure function over partitions."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from stages.runtime.cluster import SCHEDULER, open_cluster
from traces.errors import TracesError

T = TypeVar("T")
R = TypeVar("R")

WORKERS = "TRACES_WORKERS"
MAX_WORKERS = 1024
_OURS = ("stages", "training", "traces")


class _InlineExecutor(Executor):
    """Runs each call at once, in this process: for one worker, where another process would only cost."""

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        future: Future[R] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass(frozen=True)
class Workers:
    """An executor and how many calls it runs at once."""

    executor: Executor
    count: int
    wrap: Callable[[Any], Any] = lambda function: function  # what a function must go through to be run elsewhere

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Results in the order of the items, with at most one item a worker waiting: memory stays bounded."""
        pending: deque[Future[R]] = deque()
        call = self.wrap(function)
        try:
            for item in items:
                pending.append(self.executor.submit(call, item))
                if len(pending) > self.count:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def worker_count() -> int:
    """`TRACES_WORKERS`, or the cores that this process may use. It never changes a byte of the output.

    Raises:
        TracesError: TRACES_WORKERS is not a whole number from 1 to `MAX_WORKERS`.
    """
    given = os.environ.get(WORKERS, "")
    if not given:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not given.isdecimal() or not 1 <= int(given[:9]) <= MAX_WORKERS:
        raise TracesError(f"{WORKERS}={given}: expected a whole number from 1 to {MAX_WORKERS}")
    return int(given)


def collect_seldom() -> None:
    """Have Python look for cycles seldom: traces make none, and to look through them is a sixth of a stage's time."""
    gc.freeze()
    gc.set_threshold(1_000_000)


@contextmanager
def open_workers(tasks: int) -> Iterator[Workers]:
    """Worker processes for `tasks` calls: of this machine, or of the cluster that TRACES_SCHEDULER names.

    Opened before anything else they cost little: while a process has one thread they are forks of it.
    """
    if address := os.environ.get(SCHEDULER):
        with open_cluster(address) as (cluster, count, wrap):
            yield Workers(cluster, count, wrap)
        return
    count = min(worker_count(), tasks)
    if count <= 1:
        yield Workers(_InlineExecutor(), 1)
        return
    with ProcessPoolExecutor(count, mp_context=_context(), initializer=_start_worker) as executor:
        try:
            executor.submit(int)  # forks are made here and now, not where there are threads already
            yield Workers(executor, count)
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def _context() -> BaseContext:
    """How workers are started: as forks while that is safe, else from a server of forks, or anew."""
    methods = multiprocessing.get_all_start_methods()
    if "fork" in methods and _has_one_thread():
        return multiprocessing.get_context("fork")
    # A fork of a process with threads (DuckDB's, Arrow's) may wait for ever: a forked lock stays locked.
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    # Imported once, and not again by each worker: that costs more than the work of a small build.
    main = getattr(sys.modules["__main__"].__spec__, "name", None)
    context.set_forkserver_preload([name for name in sys.modules if name.partition(".")[0] in _OURS and name != main])
    return context


def _has_one_thread() -> bool:
    """Whether this process has no thread but this one, those of libraries counted. Only Linux tells."""
    try:
        return len(list(Path("/proc/self/task").iterdir())) == 1
    except OSError:
        return False


def _start_worker() -> None:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the stage says that it was interrupted; a worker just ends
    collect_seldom()
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the stage's process, and end with it: one that was killed tells its workers nothing."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
