"""Adding rows: idempotent, never overwriting, in the form that a store's ids have."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.support.samples import row, stored, trace_id, write_sqlite
from traces.errors import TracesError
from traces.incoming import IncomingRow, parse_line
from traces.store import open_writable
from traces.store.write import Outcome, StoreWriter


def incoming(number: int, **changes: object) -> IncomingRow:
    return parse_line(json.dumps(row(number, **changes)).encode())


def ids(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        found = [str(held) for (held,) in connection.execute("SELECT id FROM traces ORDER BY created_at")]
    connection.close()
    return found


def test_each_row_of_a_batch_has_one_outcome(tmp_path: Path) -> None:
    url = write_sqlite(tmp_path / "x.db", [stored(1), stored(2)])
    with StoreWriter(*open_writable(url)) as writer:
        batch = [incoming(1), incoming(2, prompt="Other?"), incoming(3), incoming(3), incoming(3, prompt="Other?")]
        assert writer.add(batch, 0) == Outcome(added=[2], present=[0, 3], conflicting=[1, 4])


@pytest.mark.parametrize("hyphens", [True, False])
def test_new_ids_have_the_form_of_those_that_are_there(tmp_path: Path, hyphens: bool) -> None:
    def form(number: int) -> str:
        return trace_id(number) if hyphens else trace_id(number).replace("-", "")

    url = write_sqlite(tmp_path / "x.db", [(form(1), *stored(1)[1:])])
    with StoreWriter(*open_writable(url)) as writer:
        writer.add([incoming(1), incoming(2)], 0)
    assert ids(tmp_path / "x.db") == [form(1), form(2)]


def test_an_error_takes_everything_back(tmp_path: Path) -> None:
    url = write_sqlite(tmp_path / "x.db", [stored(1)])
    with pytest.raises(RuntimeError), StoreWriter(*open_writable(url)) as writer:
        writer.add([incoming(2)], 0)
        raise RuntimeError
    assert len(ids(tmp_path / "x.db")) == 1


def test_what_the_database_refuses_is_one_line(tmp_path: Path) -> None:
    url = write_sqlite(tmp_path / "x.db", [stored(1)])
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE TRIGGER no BEFORE INSERT ON traces BEGIN SELECT raise(ABORT, 'not today'); END")
    connection.close()
    with pytest.raises(TracesError, match=r"x\.db: not today$"), StoreWriter(*open_writable(url)) as writer:
        writer.add([incoming(2)], 0)
