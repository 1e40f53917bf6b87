"""One executor interface, `concurrent.futures.Executor`: a stage maps a pure function over partitions."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from stages.cluster import SCHEDULER, open_cluster
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
    """Worker processes for `tasks` calls: of this machine, or of the cluster that TRACES_SCHEDULER names."""
    if address := os.environ.get(SCHEDULER):
        with open_cluster(address) as (cluster, count, wrap):
            yield Workers(cluster, count, wrap)
        return
    count = min(worker_count(), tasks)
    if count <= 1:
        yield Workers(_InlineExecutor(), 1)
        return
    # Never a plain fork: this process has threads (DuckDB, Arrow), and a forked lock stays locked.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    # Imported once, and not again by each worker: that costs more than the work of a small build.
    main = getattr(sys.modules["__main__"].__spec__, "name", None)
    context.set_forkserver_preload([name for name in sys.modules if name.partition(".")[0] in _OURS and name != main])
    with ProcessPoolExecutor(count, mp_context=context, initializer=collect_seldom) as executor:
        try:
            yield Workers(executor, count)
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
