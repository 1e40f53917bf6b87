"""An ingest that fails leaves everything as it was: no empty database, table, folder or file."""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import psycopg
import pytest

from tests.support.samples import row, stored, write_jsonl, write_sqlite
from traces.errors import TracesError, WrongUse
from traces.ingest import Ingested, NumberedLine, ingest_into_recordings, ingest_into_store


def ingest(url: str, *paths: Path, quarantine: Path | None = None) -> Ingested:
    return ingest_into_store(url, list(paths), 7, quarantine, lambda lines, _: lines)


def bad_line() -> Path:
    return write_jsonl(Path("in/bad.jsonl"), [*(row(n) for n in range(450)), {}])


def missing() -> Path:
    return Path("in/gone.jsonl")


def archive() -> Path:
    Path("in").mkdir()
    with zipfile.ZipFile("in/x.jsonl", "w") as file:
        file.writestr("x.jsonl", "{}")
    return Path("in/x.jsonl")


def cut_off() -> Path:
    path = write_jsonl(Path("in/x.jsonl.gz"), [row(n) for n in range(450)])
    path.write_bytes(path.read_bytes()[:-20])
    return path


def other_content() -> Path:
    return write_jsonl(Path("in/x.jsonl"), [row(1), row(1, prompt="Another?")])


FAILURES = [bad_line, missing, archive, cut_off, other_content]


def files() -> dict[Path, bytes | None]:
    """Everything below the working directory except the input."""
    found = (path for path in Path().rglob("*") if path.parts[0] != "in")
    return {path: path.read_bytes() if path.is_file() else None for path in found}


@pytest.mark.parametrize("failure", FAILURES)
def test_no_new_sqlite_file_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Callable[[], Path]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TracesError):
        ingest("sqlite:///new.db", failure())
    assert files() == {}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("held", ["nothing", "another table", "rows"])
def test_a_sqlite_file_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Callable[[], Path], held: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if held == "nothing":
        Path("old.db").touch()
    elif held == "rows":
        write_sqlite(Path("old.db"), [stored(0)])
    else:
        connection = sqlite3.connect("old.db")
        connection.execute("CREATE TABLE others (id)")
        connection.close()
    before = files()
    with pytest.raises(TracesError):
        ingest("sqlite:///old.db", failure())
    assert files() == before


@pytest.mark.parametrize("failure", [bad_line, cut_off])
def test_postgresql_gets_no_table(workspace: Path, database: Callable[[str], str], failure: Callable[[], Path]) -> None:
    url = database("")
    with pytest.raises(TracesError):
        ingest(url, failure())
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('traces')").fetchone() == (None,)


@pytest.mark.parametrize("failure", FAILURES)
def test_no_folder_of_recordings_or_of_bad_lines_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Callable[[], Path]
) -> None:
    monkeypatch.chdir(tmp_path)
    good = Path("in/good.jsonl")
    path = failure()
    write_jsonl(good, [row(1000)])
    with pytest.raises(TracesError):
        ingest_into_recordings(Path("data/recorded"), [good, path], 7, None, lambda lines, _: lines)
    assert files() == {}
    if failure in (missing, archive, cut_off):  # the others are lines, and would be set aside
        with pytest.raises(TracesError):
            ingest("sqlite:///new.db", path, quarantine=Path("aside/today/bad.jsonl"))
        assert files() == {}


def test_a_folder_that_was_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data/recorded").mkdir(parents=True)
    Path("aside").mkdir()
    before = files()
    with pytest.raises(TracesError):
        ingest_into_recordings(Path("data/recorded"), [missing()], 7, Path("aside/x/bad.jsonl"), lambda lines, _: lines)
    assert files() == before


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def interrupted(lines: Iterable[NumberedLine], _: str) -> Iterable[NumberedLine]:
        yield from list(lines)[:300]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest_into_store(
            "sqlite:///new.db", [write_jsonl(Path("in/x.jsonl"), map(row, range(400)))], 7, None, interrupted
        )
    assert files() == {}


def test_a_wrong_use_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_jsonl(Path("in/x.jsonl"), [row(1)])
    with pytest.raises(WrongUse):
        ingest("sqlite:///new.db", path, quarantine=path)
    with pytest.raises(TracesError, match=r"sqlite:///no/new.db: there is no folder no; make it first"):
        ingest("sqlite:///no/new.db", path)
    assert files() == {}


def test_a_file_that_another_process_made_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_jsonl(Path("in/x.jsonl"), [row(1)])

    def meanwhile(lines: Iterable[NumberedLine], _: str) -> Iterable[NumberedLine]:
        assert not Path("new.db").exists()
        ingest("sqlite:///new.db", write_jsonl(Path("in/y.jsonl"), [row(2)]))
        return lines

    with pytest.raises(TracesError, match="new.db: another process made it meanwhile; nothing was written; run it"):
        ingest_into_store("sqlite:///new.db", [path], 7, None, meanwhile)
    assert list(files()) == [Path("new.db")]
    assert ingest("sqlite:///new.db", path) == Ingested(1, 0, 0)
