"""The role of docs/security.md: what it may do; and nobody is told its password, whatever goes well or wrong."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.faults.moments import stopped
from tests.faults.project import Project, build, pin_and_build
from tests.support.docs import marked
from tests.support.git import git_objects
from tests.support.shell import ROOT, Done

# Written so that this file, which a copy of the repository holds, does not hold them.
PARTS = tuple(word * 2 for word in ("Sesame", "Simsim", "Barley"))
FIRST, SECOND, OTHER = PARTS
PASSWORD = f"{FIRST}%@:/?#&'{SECOND} é"
ENCODED = quote(PASSWORD, safe="")
WRONG = quote(f"{OTHER}@%", safe="")


def forms(part: str) -> Iterator[bytes]:
    """How a part of a password may be written: as it is, and in base64, wherever it begins there."""
    yield part.lower().encode()
    for before in range(3):
        code = b64encode(bytes(before) + part.encode()).rstrip(b"=")
        # Without the digits that what stands before and after has a share in.
        yield code[-(-before * 8 // 6) : (before + len(part)) * 8 // 6].lower()


FORMS = [form for part in PARTS for form in forms(part)]


def told(content: bytes) -> bool:
    """Whether it holds any part of a password: percent signs before and after change none."""
    return any(form in content.lower() for form in FORMS)


def places(folder: Path) -> list[str]:
    """Where a password stands: files, by name or content, and Git's objects, also those that nothing leads to."""
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    found = [path for path in files if told(os.fsencode(path)) or (path.is_file() and told(path.read_bytes()))]
    objects = [name for name, body in git_objects(folder / "project") if told(body)]
    return [path.relative_to(folder).as_posix() for path in found] + objects


@dataclass(frozen=True)
class Told(Project):
    """A project in which no command says a password; what else it writes lies in its folder."""

    def run(self, *command: str, code: int | None = 0, **settings: str) -> Done:
        done = super().run(*command, code=code, **settings)
        assert not told(done.text.encode()), done.text
        return done


@pytest.fixture(scope="module")
def owner(database: Callable[[str], str]) -> str:
    """The URL of a database's owner."""
    return database("json")


@pytest.fixture(scope="module")
def stored(owner: str, reader: Callable[[str, str], str], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A small dataset, its store pinned and built from by the role that may only read."""
    project = build(tmp_path_factory.mktemp("small")).copy(tmp_path_factory.mktemp("stored"))
    project.run("traces", "ingest", "--to", owner, "data/recorded/rows.jsonl.gz")
    settings = {"TRACES_DATABASE_URL": reader(owner, PASSWORD)}
    return pin_and_build(replace(project, settings=project.settings | settings))


@pytest.fixture
def project(stored: Project, tmp_path: Path) -> Told:
    """One of one's own, with what DVC and others keep elsewhere for a user."""
    (tmp_path / "home").mkdir()
    copy = stored.copy(tmp_path)
    elsewhere = {"HOME": str(tmp_path / "home"), "DVC_SITE_CACHE_DIR": str(tmp_path / "home/dvc")}
    return Told(copy.folder, copy.moments, copy.settings | elsewhere)


@pytest.mark.parametrize("statement", [
    "INSERT INTO traces SELECT gen_random_uuid(), created_at, trace_version, payload FROM traces",
    "UPDATE traces SET trace_version = '2'",
    "DELETE FROM traces",
    "CREATE TABLE mine (a int)",
    "CREATE TEMPORARY TABLE mine (a int)",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine",
    "TRUNCATE traces",
    "DROP TABLE traces",
    "ALTER TABLE traces ADD mine int",
    "SELECT FROM traces FOR UPDATE",
])  # fmt: skip
def test_the_role_may_only_read(stored: Project, statement: str) -> None:
    with psycopg.connect(stored.settings["TRACES_DATABASE_URL"], autocommit=True) as connection:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute(statement.encode())
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_the_role_reads_scores_where_it_is_told_that_it_may(stored: Project, owner: str) -> None:
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("CREATE TABLE scores (id uuid)")
        reads = psycopg.connect(stored.settings["TRACES_DATABASE_URL"], autocommit=True)
        with reads, pytest.raises(psycopg.errors.InsufficientPrivilege):
            reads.execute("SELECT FROM scores")
        connection.execute(marked(ROOT / "docs/security.md", "sql: scores, too").encode())
        with psycopg.connect(stored.settings["TRACES_DATABASE_URL"]) as reads:
            reads.execute("SELECT FROM scores")
        connection.execute("DROP TABLE scores")


@pytest.mark.parametrize("written", [
    PASSWORD,
    f"postgresql://reader:{ENCODED}@host/traces",
    b64encode(f'{{"url": "{PASSWORD}"}}'.encode()).decode(),
    SECOND.upper(),
])  # fmt: skip
def test_what_is_told_is_found(project: Told, written: str) -> None:
    (project.folder / "said.txt").write_text(written)
    blob = project.run("git", "hash-object", "-w", "said.txt").out.strip()
    (project.folder / f"reports/{OTHER}").touch()
    assert sorted(places(project.folder.parent)) == sorted(["project/said.txt", f"project/reports/{OTHER}", blob])
    with pytest.raises(AssertionError):
        project.run("cat", "said.txt")


def test_no_password_is_told_where_all_goes_well(project: Told) -> None:
    assert "store    postgresql://reader:***@" in project.run("traces", "status").out
    project.run("traces", "status", "--json")
    project.run("traces", "pin", "--settle", "0")
    project.run("traces", "pin", "--check")
    done = project.run("dvc", "repro", "-v", "-f", "validate")
    assert "Running stage 'extract_traces'" in done.out
    assert "Running stage 'validate'" in done.out
    assert places(project.folder.parent) == []


@pytest.mark.soak
def test_no_password_is_told_in_a_queue_a_report_or_a_proof(project: Told) -> None:
    project.run("dvc", "exp", "run", "validate", "--queue", "--name", "fewer", "-S", "selection.min_characters=20")
    project.run("dvc", "exp", "run", "--run-all")
    assert "Success" in project.run("dvc", "queue", "status").out
    project.run("dvc", "queue", "logs", "fewer")
    project.run("traces", "report")
    project.run("traces", "verify", "--until", "export", "--attest", "provenance.json")
    assert places(project.folder.parent) == []


IN_A_STAGE = ("wrong password", "refused port", "may not read", "with @ and /")


def addresses(url: str, other: str) -> dict[str, tuple[str, str]]:
    """URLs that lead nowhere, and what is said of each."""
    at = make_url(url)
    nowhere = "127.0.0.1:1/traces"
    slip = "TRACES_DATABASE_URL: an @, / or ? in the user's name or the password must be written %40, %2F or %3F"
    return {
        "wrong password": (url.replace(ENCODED, WRONG), 'password authentication failed for user "reader"'),
        "wrong user": (url.replace("reader:", "stranger:"), 'role "stranger" does not exist'),
        "no such database": (url.replace(f"/{at.database}?", "/gone?"), 'database "gone" does not exist'),
        "refused port": (
            f"postgresql://reader:{ENCODED}@{nowhere}",
            "postgresql://reader:***@127.0.0.1:1/traces: conn",
        ),
        "no such host": (f"postgresql://reader:{ENCODED}@nowhere.invalid/traces", "postgresql://reader:***@nowhere.in"),
        "may not read": (other, "permission denied for table traces"),
        "other kind": (f"mysql://reader:{ENCODED}@{nowhere}", "mysql is not read"),
        "as it is": (f"postgresql://reader:{PASSWORD}@{nowhere}", "not a database URL"),
        "with @": (f"postgresql://reader:{FIRST}@{SECOND}@{nowhere}", slip),
        "with @ and /": (f"postgresql://reader:{FIRST}@{SECOND}/x@{nowhere}", slip),
        "with @ and ?": (f"postgresql://reader:{FIRST}@{SECOND}?x@{nowhere}", slip),
        "user with /": (f"postgresql://a/reader:{FIRST}@{nowhere}", slip),
    }


@pytest.mark.soak
def test_no_password_is_told_where_the_store_cannot_be_read(project: Told, database: Callable[[str], str]) -> None:
    url = project.settings["TRACES_DATABASE_URL"]
    name = make_url(database("json")).database
    for kind, (address, says) in addresses(url, url.replace(f"/{make_url(url).database}?", f"/{name}?")).items():
        stage = [("dvc", "repro", "-v", "-f", "-s", "extract_traces")] if kind in IN_A_STAGE else []
        for command in [("traces", "status"), *stage]:
            done = project.run(*command, code=None, TRACES_DATABASE_URL=address, TRACES_MEMO="off")
            assert done.code != 0, kind
            assert says in done.text, f"{kind}: {done.text}"
        written = project.run("traces", "ingest", "--to", address, "data/recorded/rows.jsonl.gz", code=1)
        assert len(written.err.splitlines()) == 1
    assert places(project.folder.parent) == []


@pytest.mark.soak
def test_no_password_is_told_where_the_server_ends_the_session(project: Told, owner: str) -> None:
    terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'"
    ended = 0
    for seed in range(12):  # not at every moment is there a session
        with stopped(project, "extract_traces", Random(seed)) as stop:
            with psycopg.connect(owner, autocommit=True) as connection:
                ended = connection.execute(terminate).rowcount
            stop.go_on()
            if ended:
                assert "extract_traces: postgresql://reader:***@" in stop.error()
                break
    assert ended
    assert places(project.folder.parent) == []


BUG = """
import psycopg

def fail(*_, **given):
    raise KeyError("a bug")

psycopg.Connection.execute = psycopg.Cursor.execute = fail
"""


@pytest.mark.parametrize("debug", ["", "1"])
def test_no_password_is_told_in_a_traceback(project: Told, tmp_path: Path, debug: str) -> None:
    (tmp_path / "bug").mkdir()
    (tmp_path / "bug/sitecustomize.py").write_text(BUG)
    settings = {"PYTHONPATH": str(tmp_path / "bug"), "TRACES_DEBUG": debug}
    for command in (("traces", "status"), ("traces", "pin"), ("dvc", "repro", "-v", "-f", "-s", "extract_traces")):
        done = project.run(*command, code=None, **settings)
        assert done.code != 0
        assert "KeyError: 'a bug'" in done.text
        assert ("Traceback" in done.text) == bool(debug) or command[0] == "dvc"
    assert places(project.folder.parent) == []
