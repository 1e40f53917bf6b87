"""The same work on a Dask cluster: same bytes, whoever dies on the way."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from distributed import Client
from psycopg.types.json import Json

from stages import export, extract_traces, render, select, validate
from stages.params.reading import load_params
from stages.runtime import cluster, memo
from stages.runtime.cluster import InWorkspace
from stages.runtime.executor import open_workers
from tests.stages.lockfile import describe, set_params
from tests.stages.runtime.local_cluster import dask_cluster
from tests.support.samples import created_at, payload, trace_id
from traces.errors import TracesError
from traces.files import hash_file
from traces.pin import SNAPSHOT, dump_pin
from traces.pinning import take_pin
from traces.store import open_store

PARTITION_ROWS = 16


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dask_cluster(tmp_path_factory.mktemp("dask"), workers=2) as address:
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address


def double_slowly(number: int) -> tuple[int, int]:
    time.sleep(0.1)
    return 2 * number, os.getpid()


def where(_: int) -> str:
    return str(Path.cwd())


def build_all() -> dict[str, str]:
    for stage in (extract_traces, select, render, export):
        stage.work(load_params())
    describe()
    validate.work(load_params())
    return {path.as_posix(): hash_file(path) for path in sorted(Path("data").rglob("*")) if path.is_file()}


def test_the_dataset_is_the_same_byte_for_byte(
    workspace: Path, scheduler: str, database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = database("json")
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        values = ((trace_id(n), created_at(n), "1.0", Json(payload(n))) for n in range(200))
        cursor.executemany("INSERT INTO traces VALUES (%s, %s, %s, %s)", values)
    monkeypatch.setenv("TRACES_DATABASE_URL", url)
    monkeypatch.setenv("TRACES_MEMO", "off")
    set_params(extract={"partition_rows": PARTITION_ROWS})
    with open_store(url) as store:
        SNAPSHOT.write_text(dump_pin(take_pin(store, PARTITION_ROWS, 0)))
    here = build_all()
    assert sum(path.startswith("data/traces/") for path in here) > 5
    monkeypatch.setenv(cluster.SCHEDULER, scheduler)
    assert build_all() == here


def test_a_worker_s_error_is_that_error_here(workspace: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cluster.SCHEDULER, scheduler)
    set_params(extract={"partition_rows": 20_480})
    with pytest.raises(TracesError, match="no pin yet"):
        extract_traces.work(load_params())
    with (
        open_workers(2) as workers,
        pytest.raises(TracesError, match="a worker of TRACES_SCHEDULER does not see /nowhere"),
    ):
        list(map(workers.executor.submit(InWorkspace("/nowhere", "", where), 1).result, [60]))
    with open_workers(2) as workers, pytest.raises(TracesError, match="runs other code; start it anew"):
        list(map(workers.executor.submit(InWorkspace(str(workspace), "other", where), 1).result, [60]))


def test_work_is_done_in_this_folder(workspace: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cluster.SCHEDULER, scheduler)
    with open_workers(4) as workers:
        assert workers.count == 2
        assert set(workers.map(where, range(4))) == {str(workspace)}


def test_a_worker_killed_half_way_costs_time_and_nothing_else(
    tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dask").mkdir()
    with dask_cluster(tmp_path / "dask", workers=2) as address:
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        monkeypatch.setenv(cluster.SCHEDULER, address)
        with open_workers(20) as workers:
            results = workers.map(double_slowly, range(20))
            first, victim = next(results)
            os.kill(victim, signal.SIGKILL)
            rest = list(results)
    assert [first, *(number for number, _ in rest)] == [2 * number for number in range(20)]
    assert victim not in {process for _, process in rest[5:]}


def test_an_unreachable_scheduler_and_one_without_workers_are_one_clear_line(
    tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT_S", 1)
    for address in ("tcp://127.0.0.1:1", "nonsense://x", "tcp://127.0.0.1:no"):
        monkeypatch.setenv(cluster.SCHEDULER, address)
        with (
            pytest.raises(TracesError, match=f"^TRACES_SCHEDULER={address}: no Dask scheduler answers"),
            open_workers(3),
        ):
            pass
    with dask_cluster(tmp_path, workers=0) as address:
        monkeypatch.setenv(cluster.SCHEDULER, address)
        with (
            pytest.raises(TracesError, match="the scheduler has no worker; start one with `dask worker`"),
            open_workers(3),
        ):
            pass


def test_a_worker_that_was_started_before_the_code_was_written_is_refused(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memo, "STARTED", 0.0)
    with pytest.raises(TracesError, match="runs other code"):
        InWorkspace(str(workspace), memo.code_hash(), where)(1)
