"""The same bytes wherever, however and from whichever store a dataset is built."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stages.schemas import load_schema
from tests.stages.lockfile import rebuild, set_params
from tests.support.hostile import NoTraceError, expected, hostile_payloads, known_payloads
from tests.support.samples import stored, write_sqlite
from tests.support.shell import ROOT, lay_out, run

Row = tuple[Any, Any, Any, Any]
Database = Callable[[str], str]


@dataclass(frozen=True)
class Case:
    """How one build differs from the others. With `settings` it runs in a process of its own."""

    store: str = "sqlite"
    workers: int = 1
    folder: str = "plain"
    umask: int = 0o022
    reverse: bool = False
    settings: dict[str, str] = field(default_factory=dict)


CASES = {
    "four workers": Case(workers=4),
    "rows in another order": Case(reverse=True),
    "json": Case("postgresql/json"),
    "jsonb": Case("postgresql/jsonb"),
    "jsonb, four workers": Case("postgresql/jsonb", workers=4, reverse=True),
    "a folder with blanks and Unicode, umask 077": Case(folder="a b/é 'ß' 牌 $x;", umask=0o077),
    "umask 000": Case(umask=0o000),
    "east": Case(settings={"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "1", "PYTHONUTF8": "0"}),
    "west": Case(settings={"TZ": "America/St_Johns", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "2"}),
    "json, elsewhere": Case(
        "postgresql/json", settings={"TZ": "Pacific/Apia", "LC_ALL": "POSIX", "PGTZ": "Asia/Tokyo"}
    ),
}


@cache
def traces_of() -> list[Row]:
    """Ordinary traces, and the hostile ones that are traces: those that `jsonb` must be able to hold."""
    schema = load_schema("trace")
    payloads = []
    for payload in [*known_payloads(), *hostile_payloads(20, seed=5)]:
        try:
            expected(payload, schema)
        except NoTraceError:
            continue
        payloads.append(payload.decode())
    odd = [(*stored(100 + number)[:3], payload) for number, payload in enumerate(payloads)]
    assert len(odd) > 20
    return [*(stored(number) for number in range(40)), *odd]


def fill(case: Case, rows: list[Row], database: Database) -> str:
    """A store of the case's kind with these rows; its URL."""
    rows = rows[::-1] if case.reverse else rows
    if case.store == "sqlite":
        return write_sqlite(Path("store.db").absolute(), rows)
    url = database(case.store.partition("/")[2])
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SET TimeZone = 'UTC'")
        cursor.executemany("INSERT INTO traces VALUES (%s, %s, %s, %s)", rows)
    return url


@contextmanager
def made_in(folder: Path, umask: int) -> Iterator[None]:
    """Work in a new folder, under a umask."""
    before, mask = Path.cwd(), os.umask(umask)
    try:
        folder.mkdir(parents=True)
        os.chdir(folder)
        yield
    finally:
        os.umask(mask)
        os.chdir(before)


def hashes(case: Case, root: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The sha256 of every artefact of a build, by path."""
    with made_in(root / case.folder, case.umask):
        lay_out(Path())
        set_params(
            extract={"partition_rows": 24},
            filters={"source": None},
            export={"formats": ["trace", "tunix_sft", "tunix_grpo", "tunix_dpo", "messages"]},
            selection={"strategy": "random", "limit": 55, "seed": 3, "dedup": "near"},
        )
        url = fill(case, traces_of(), database)
        if case.settings:
            settings = {"TRACES_DATABASE_URL": url, "TRACES_WORKERS": str(case.workers), "PYTHONPATH": str(ROOT)}
            script = "from tests.stages.lockfile import rebuild; rebuild()"
            run(Path.cwd(), sys.executable, "-c", script, **settings, **case.settings)
        else:
            monkeypatch.setenv("TRACES_DATABASE_URL", url)
            monkeypatch.setenv("TRACES_WORKERS", str(case.workers))
            rebuild()
        return {
            path.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for name in ("traces", "selection", "rendered", "pairs", "export", "trace_ids")
            for path in sorted(Path("data", name).rglob("*"))
            if path.is_file()
        }


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The hashes of the plain build."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        return hashes(Case(), tmp_path_factory.mktemp("reference"), lambda _: "", monkeypatch)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_same_bytes(
    case: Case, reference: dict[str, str], tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len([path for path in reference if path.startswith("data/export/tunix_sft/train-")]) > 1
    assert hashes(case, tmp_path, database, monkeypatch) == reference
