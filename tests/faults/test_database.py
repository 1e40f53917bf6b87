"""PostgreSQL that stops, and rows that come, change and go, while they are being extracted."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import psycopg
import pytest

from tests.faults.moments import stopped
from tests.faults.project import ROWS, Project, pin_and_build
from tests.faults.seeds import seeds
from tests.support.postgres import postgres_server
from tests.support.samples import trace_id


class Server:
    """A PostgreSQL that can be stopped and started again, with a table of traces."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.start()

    def start(self) -> None:
        self._running = ExitStack()
        for _ in range(20):
            with suppress(RuntimeError):  # what is left of a killed one holds its memory for a while
                self.url = self._running.enter_context(postgres_server(self.folder))
                return
            time.sleep(0.5)
        pytest.fail("PostgreSQL did not come back")

    def stop(self, how: signal.Signals | None) -> None:
        """End it: as its administrator would, or by a signal, without a farewell."""
        if how is not None:
            os.kill(int(Path(self.folder, "data/postmaster.pid").read_text().split()[0]), how)
        self.close()

    def close(self) -> None:
        self._running.close()

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="postgres.") as folder:
        found = Server(folder)
        yield found
        found.close()


@pytest.fixture(scope="module")
def stored(undisturbed: Project, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project with its rows in PostgreSQL, and `kept`, a table of them as they were."""
    project = undisturbed.copy(tmp_path_factory.mktemp("stored"))
    project.run("traces", "ingest", "--to", server.url, "data/recorded/rows.jsonl.gz")
    server.execute("CREATE INDEX ON traces (created_at)", "CREATE TABLE kept AS TABLE traces")
    return pin_and_build(replace(project, settings=project.settings | {"TRACES_DATABASE_URL": server.url}))


@pytest.fixture
def project(stored: Project, tmp_path: Path, record_property: Callable[[str, object], None]) -> Project:
    return stored.copy(tmp_path, record_property)


@seeds(1, 12)
def test_a_database_that_stops(project: Project, server: Server, seed: int) -> None:
    rng = Random(f"stop {seed}")
    project.tries("the database stops")
    with stopped(project, "extract_traces", rng) as stop:
        server.stop(rng.choice([None, signal.SIGQUIT, signal.SIGKILL]))
        stop.go_on()
        said = stop.ended()
        server.start()
        if stop.dvc.returncode:
            assert "\nextract_traces: postgresql://postgres:***@/postgres: " in stop.error()
        else:  # all had been read
            assert project.half_written("extract_traces") == []
    assert "Traceback" not in said
    assert project.left_behind() == []
    project.recover()


CHANGES = (
    "INSERT INTO traces SELECT gen_random_uuid(), created_at, trace_version, payload FROM kept WHERE id = '{}'",
    "INSERT INTO traces SELECT gen_random_uuid(), now(), trace_version, payload FROM kept WHERE id = '{}'",
    "UPDATE traces SET payload = '{{\"changed\": 1}}' WHERE id = '{}'",
    "DELETE FROM traces WHERE id = '{}'",
)


@seeds(1, 20)
def test_rows_that_change(project: Project, server: Server, seed: int) -> None:
    """Either the pinned rows are read, all in one state, or the stage says that they are not there."""
    rng = Random(f"change {seed}")
    project.tries("rows are added, changed and removed")
    with stopped(project, "extract_traces", rng) as stop:
        server.execute(*(rng.choice(CHANGES).format(trace_id(rng.randrange(ROWS))) for _ in range(rng.randint(1, 4))))
        stop.go_on()
        said = stop.ended()
        if stop.dvc.returncode:
            assert ": not what data/snapshot.json pins (" in stop.error()
        else:
            assert project.half_written("extract_traces") == []
    assert "Traceback" not in said
    server.execute("TRUNCATE traces", "INSERT INTO traces SELECT * FROM kept")
    project.recover()
