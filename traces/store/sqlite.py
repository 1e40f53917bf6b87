"""The store in SQLite: ids with or without hyphens, times as naive or zoned text."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    Float,
    Integer,
    LargeBinary,
    String,
    case,
    create_engine,
    func,
    inspect,
    literal_column,
    select,
    text,
    type_coerce,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from traces.errors import TracesError, one_line
from traces.ids import normalise_id
from traces.partitions import Row
from traces.store import sqlite_file
from traces.store.base import Store
from traces.store.table import traces
from traces.times import parse_us


def path_of(url: URL) -> Path:
    """The file that a URL names.

    Raises:
        TracesError: it names none.
    """
    if not url.database or url.database == ":memory:":
        raise TracesError(
            "TRACES_DATABASE_URL: a SQLite store is a file: sqlite:///relative.db or sqlite:////absolute.db"
        )
    return Path(url.database)


def connect_engine(connect: Callable[[], sqlite3.Connection]) -> Engine:
    """An engine for a file; nothing is opened yet."""

    def connected() -> sqlite3.Connection:
        connection = connect()
        connection.create_function("trace_id", 1, lambda raw: normalise_id(_text(raw)), deterministic=True)
        connection.create_function("trace_us", 1, lambda raw: parse_us(_text(raw)), deterministic=True)
        return connection

    return create_engine("sqlite://", creator=connected)


def writable_engine(path: Path) -> Engine:
    """An engine that may write to a file, and makes it if it is missing."""
    return connect_engine(lambda: sqlite_file.connect(path, "mode=rwc"))


def _text(raw: object) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else "" if raw is None else str(raw)


class SqliteStore(Store):
    """Where the rows are few, or the store is embedded: the database runs in this process."""

    def __init__(self, path: Path, label: str) -> None:
        """Raises TracesError if there is no such file."""
        if not path.is_file():
            raise TracesError(f"{path}: no such SQLite file; check TRACES_DATABASE_URL")
        self.file = sqlite_file.ReadOnlyFile(path)
        super().__init__(connect_engine(self.file.connect), label)

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        super().__exit__(kind, *rest)
        if kind is None:
            self.file.require_unchanged()

    @property
    def kind(self) -> str:
        return "sqlite"

    def begin(self) -> None:
        self.connection.execute(text("BEGIN"))

    def id_of(self, column: ColumnElement[Any]) -> ColumnElement[str]:
        # As bytes: sqlite3 refuses to hand over text that is not UTF-8, and the row's neighbours would go with it.
        return func.trace_id(sql_cast(column, LargeBinary), type_=String)

    def id_key(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return self.id_of(column)

    def us_of(self, column: ColumnElement[Any]) -> ColumnElement[int | None]:
        return func.trace_us(sql_cast(column, LargeBinary), type_=Integer)

    def number_of(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return case((func.typeof(column).in_(("integer", "real")), type_coerce(column, Float)), else_=None)

    @property
    def payload_text(self) -> ColumnElement[Any]:
        return sql_cast(traces.c.payload, LargeBinary)

    @property
    def now_us(self) -> ColumnElement[int]:
        return sql_cast((func.julianday("now") - 2440587.5) * 86_400_000_000, Integer)

    def meta_text(self, key: str) -> ColumnElement[Any]:
        payload = sql_cast(traces.c.payload, String)
        value = sql_cast(func.json_extract(payload, f"$.meta.{key}"), LargeBinary)  # as bytes, as the id
        return case((func.json_valid(payload) == 1, value), else_=None)

    def stream(self, as_of_us: int) -> Iterator[Row]:
        us, trace_id = self.created_us.label("us"), self.id_text.label("trace_id")
        contents = sql_cast(traces.c.trace_version, LargeBinary), self.payload_text
        # SQLite merges what it sorts with a row of each run in memory: so keys are sorted, and contents read by rowid.
        by_rowid = self._has_rowids()
        statement = (
            select(trace_id, us, *((literal_column("rowid"),) if by_rowid else contents))
            .where((self.created_us <= as_of_us) | self.created_us.is_(None))
            .order_by(us.asc().nulls_first(), trace_id)
        )
        of_row = str(select(*contents).where(literal_column("rowid") == literal_column("?")).compile(self.engine))
        driver: Any = self.connection.connection.driver_connection
        # One by one, which costs no more: many at a time of 5 MB each would be gigabytes.
        for found_id, found_us, *found in self.connection.execute(statement):
            version, payload = driver.execute(of_row, found).fetchone() if by_rowid else found
            yield Row(found_id, found_us, None if version is None else _text(version), payload)

    def _has_rowids(self) -> bool:
        """Whether rows can be found again by a number of SQLite's own: not those of views, nor of every table."""
        found = inspect(self.connection)
        if traces.name not in found.get_table_names() or "rowid" in {
            c["name"].lower() for c in found.get_columns(traces.name)
        }:
            return False
        try:
            self.connection.execute(select(literal_column("rowid")).select_from(traces).limit(1))
        except OperationalError:
            return False
        return True

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Also of what is asked of the driver itself."""
        with super().errors():
            try:
                yield
            except sqlite3.Error as error:
                raise TracesError(f"{self.label}: {one_line(str(error))}") from None
