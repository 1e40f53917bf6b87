"""The store in SQLite: ids with or without hyphens, times as naive or zoned text."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

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
    select,
    text,
    type_coerce,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.engine import URL

from traces.errors import TracesError
from traces.ids import normalise_id
from traces.partitions import Row
from traces.store.base import BATCH_ROWS, Store
from traces.store.table import traces
from traces.times import parse_us

BUSY_TIMEOUT_S = 10


def connect_engine(url: URL, *, read_only: bool) -> Engine:
    """An engine for `url`, opened read-only where nothing is to be written.

    Raises:
        TracesError: the URL names no file, or one that is not there and is only to be read.
    """
    if not url.database or url.database == ":memory:":
        raise TracesError(
            "TRACES_DATABASE_URL: a SQLite store is a file: sqlite:///relative.db or sqlite:////absolute.db"
        )
    path = Path(url.database)
    if read_only and not path.is_file():
        raise TracesError(f"{path}: no such SQLite file; check TRACES_DATABASE_URL")
    mode = "ro" if read_only else "rwc"

    def connect() -> sqlite3.Connection:
        uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
        connection.create_function("trace_id", 1, lambda raw: normalise_id(_text(raw)), deterministic=True)
        connection.create_function("trace_us", 1, lambda raw: parse_us(_text(raw)), deterministic=True)
        return connection

    return create_engine("sqlite://", creator=connect)


def _text(raw: object) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else "" if raw is None else str(raw)


class SqliteStore(Store):
    """Where the rows are few, or the store is embedded: the database runs in this process."""

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
        version = sql_cast(traces.c.trace_version, LargeBinary)
        statement = (
            select(trace_id, us, version, self.payload_text)
            .where((self.created_us <= as_of_us) | self.created_us.is_(None))
            .order_by(us.asc().nulls_first(), trace_id)
        )
        for row in self.connection.execute(statement, execution_options={"yield_per": BATCH_ROWS}):
            found_id, found_us, found_version, payload = row
            yield Row(found_id, found_us, None if found_version is None else _text(found_version), payload)
