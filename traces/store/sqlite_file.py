"""Opening a SQLite file to read it, also where this user may write nothing.

In WAL mode SQLite keeps an index of FILE-wal in FILE-shm, which even a reader creates. If it cannot, and there is no
FILE-wal, the file is read as `immutable`: SQLite then takes no locks and looks for no changes, so the file's state is
compared when it has been read. SQLite would not read a FILE-wal that way, so a file that has one is refused.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from traces.errors import TracesError

BUSY_TIMEOUT_S = 10
# What SQLite says if it may not create or write a file beside the database.
_CANNOT_WRITE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def connect(path: Path, parameters: str) -> sqlite3.Connection:
    """A connection to a file, by the parameters of SQLite's URIs."""
    uri = f"file:{quote(str(path.absolute()))}?{parameters}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)


class ReadOnlyFile:
    """A SQLite file that is only read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_as: tuple[int, ...] | None = None  # the file's state if it is read without locks

    def connect(self) -> sqlite3.Connection:
        """A connection that can read.

        Raises:
            TracesError: it cannot, since there are changes beside the file, which may not be written.
        """
        connection = connect(self.path, "mode=ro")
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            connection.close()
            if error.sqlite_errorcode & 0xFF not in _CANNOT_WRITE or not os.access(self.path, os.R_OK):
                raise
        except sqlite3.DatabaseError:
            return connection  # about the file's content: the next statement says it again
        else:
            return connection
        state = self._state()
        for suffix, remedy in (
            ("-wal", "run `sqlite3 FILE 'PRAGMA wal_checkpoint(TRUNCATE)'` where it may be written"),
            ("-journal", "run `sqlite3 FILE .schema` where it may be written"),
        ):
            beside = self.path.with_name(self.path.name + suffix)
            if beside.exists() and beside.stat().st_size:
                raise TracesError(
                    f"{self.path}: {beside.name} has changes that are not in it, and nothing may be written here; "
                    f"{remedy}, or copy both to such a place"
                )
        self._read_as = state
        return connect(self.path, "mode=ro&immutable=1")

    def require_unchanged(self) -> None:
        """Refuse what was read without locks if somebody has written meanwhile.

        Raises:
            TracesError: somebody has.
        """
        if self._read_as not in (None, self._state()):
            raise TracesError(
                f"{self.path}: was written while it was read, and cannot be locked here; "
                "run it again when nobody writes, or copy the file"
            )

    def _state(self) -> tuple[int, ...]:
        """What changes if somebody writes: the file's inode, size and times, and those of changes beside it."""
        found: list[int] = []
        for name in (self.path.name, f"{self.path.name}-wal", f"{self.path.name}-journal"):
            path = self.path.with_name(name)
            held = path.stat() if path.exists() else None
            found += [-1] if held is None else [held.st_ino, held.st_size, held.st_mtime_ns, held.st_ctime_ns]
        return tuple(found)
