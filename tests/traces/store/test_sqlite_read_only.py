"""SQLite files in WAL mode where nothing may be written: read whole, or refused with what to do."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.samples import stored, write_sqlite
from tests.support.shell import ROOT

# Reads a store as a user who may write nothing there; prints how many rows it has, or what is wrong.
READ = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from traces.errors import TracesError
from traces.store import open_store
if os.getuid() == 0 and sys.argv[3] == "as another user":
    os.setgid(65534)
    os.setuid(65534)
try:
    with open_store(f"sqlite:///{sys.argv[2]}") as store:
        rows = store.census().rows
        print("open", flush=True)
        sys.stdin.readline()
    print(json.dumps(rows))
except TracesError as error:
    print(json.dumps(str(error)))
"""


class Reader:
    """A process that reads a store, until it has opened it, and then to its end."""

    def __init__(self, path: Path, *, as_another_user: bool) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", READ, str(ROOT), str(path), "as another user" if as_another_user else "as this one"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.first = self.process.stdout.readline().strip()

    def end(self) -> int | str:
        """How many rows there are, or what is wrong."""
        rest, _ = self.process.communicate("\n", timeout=60)
        found: int | str = json.loads(rest if self.first == "open" else self.first)
        return found


Start = Callable[[Path], Reader]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that another user can reach: no other may enter those of pytest."""
    with tempfile.TemporaryDirectory(prefix="read-only.") as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "x").mkdir()
        yield Path(folder)


@pytest.fixture(params=["folder", "file system"])
def read(request: pytest.FixtureRequest, place: Path) -> Iterator[Start]:
    """Reads a store in `place`/x while nothing may be written there: by its permissions, or by anybody."""
    folder, mounted = place / "x", place / "mounted"
    mounted.mkdir()

    def mount(*arguments: str) -> bool:
        return os.getuid() == 0 and subprocess.run(["mount", *arguments], check=False).returncode == 0

    def start(path: Path) -> Reader:
        if request.param == "folder":
            folder.chmod(0o555)
            return Reader(path, as_another_user=True)
        if not (mount("--bind", str(folder), str(mounted)) and mount("-o", "remount,bind,ro", str(mounted))):
            pytest.skip("this user may not mount a read-only file system")
        return Reader(mounted / path.name, as_another_user=False)

    yield start
    # Of one file system, it is no mount point to `os.path.ismount`.
    if str(mounted) in Path("/proc/mounts").read_text():
        subprocess.run(["umount", str(mounted)], check=True)
    folder.chmod(0o755)


def wal_store(path: Path, *, rows: int = 3) -> str:
    """A store in WAL mode, all of it in the file itself."""
    url = write_sqlite(path, (stored(n) for n in range(rows)))
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("DELETE FROM traces WHERE 0")
    connection.close()
    return url


def copy_with_changes(folder: Path, *suffixes: str) -> Path:
    """A store of 3 rows with 2 more in its -wal, as a copy of a file that is in use leaves it; `suffixes` of it."""
    made = folder.parent / "made"
    made.mkdir()
    wal_store(made / "x.db")
    writer = sqlite3.connect(made / "x.db")
    writer.executemany("INSERT INTO traces VALUES (?, ?, ?, ?)", [stored(7), stored(8)])
    writer.commit()
    for suffix in ("", *suffixes):
        shutil.copy(made / f"x.db{suffix}", folder / f"x.db{suffix}")
        (folder / f"x.db{suffix}").chmod(0o444)
    writer.close()
    return folder / "x.db"


def test_a_store_with_all_in_its_file_is_read(read: Start, place: Path) -> None:
    wal_store(place / "x/x.db")
    assert list((place / "x").iterdir()) == [place / "x/x.db"]
    assert read(place / "x/x.db").end() == 3


def test_a_store_with_an_empty_wal_is_read(read: Start, place: Path) -> None:
    wal_store(place / "x/x.db")
    (place / "x/x.db-wal").touch()
    assert read(place / "x/x.db").end() == 3


def test_rows_beside_the_file_are_read_if_their_index_is_there(read: Start, place: Path) -> None:
    assert read(copy_with_changes(place / "x", "-wal", "-shm")).end() == 5


def test_rows_beside_the_file_are_never_left_out(read: Start, place: Path) -> None:
    found = read(copy_with_changes(place / "x", "-wal")).end()
    assert isinstance(found, str)
    assert found.endswith(
        "/x.db: x.db-wal has changes that are not in it, and nothing may be written here; run "
        "`sqlite3 FILE 'PRAGMA wal_checkpoint(TRUNCATE)'` where it may be written, or copy both to such a place"
    )


def test_a_transaction_that_was_cut_off_is_never_read(read: Start, place: Path) -> None:
    path = place / "x/x.db"
    write_sqlite(path, (stored(n) for n in range(3)))
    (place / "made").mkdir()
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA cache_size=1")
    writer.execute("BEGIN")
    writer.executemany("INSERT INTO traces VALUES (?, ?, ?, ?)", [stored(n) for n in range(100, 2000)])
    for suffix in ("", "-journal"):  # as a crash leaves them
        shutil.copy(f"{path}{suffix}", place / f"made/x.db{suffix}")
    writer.execute("ROLLBACK")
    writer.close()
    for suffix in ("", "-journal"):
        shutil.copy(place / f"made/x.db{suffix}", f"{path}{suffix}")
    found = read(path).end()
    assert isinstance(found, str)
    assert "x.db: x.db-journal has changes that are not in it, and nothing may be written here; run " in found


@pytest.mark.parametrize("change", ["rows", "the file"])
def test_a_store_that_is_written_meanwhile_is_refused(read: Start, place: Path, change: str) -> None:
    path = place / "x/x.db"
    wal_store(path)
    reader = read(path)
    path.parent.chmod(0o755)
    if change == "rows":
        write_sqlite(path, [stored(9)])
    else:
        write_sqlite(place / "other.db", [stored(9)])
        (place / "other.db").replace(path)
    found = reader.end()
    assert isinstance(found, str)
    assert found.endswith(
        "x.db: was written while it was read, and cannot be locked here; run it again when nobody writes, "
        "or copy the file"
    )


def test_a_store_that_another_process_holds_open_is_read_as_it_was_committed(read: Start, place: Path) -> None:
    path = place / "x/x.db"
    wal_store(path)
    writer = sqlite3.connect(path)
    writer.execute("INSERT INTO traces VALUES (?, ?, ?, ?)", stored(7))
    writer.commit()
    writer.execute("INSERT INTO traces VALUES (?, ?, ?, ?)", stored(8))
    reader = read(path)
    writer.commit()
    assert reader.end() == 4
    writer.close()
