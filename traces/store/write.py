"""Adding rows to a store: one transaction, idempotent by id, never overwriting."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Insert,
    Text,
    bindparam,
    func,
    insert,
    inspect,
    select,
    type_coerce,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.exc import DBAPIError

from traces.errors import TracesError
from traces.ids import normalise_id
from traces.incoming import IncomingRow
from traces.model import InvalidTrace, decode_trace, encode_payload
from traces.store.remedies import said_by_server
from traces.store.session import require_options
from traces.store.source import driver_errors
from traces.store.table import metadata, traces
from traces.times import parse_us, to_datetime

# SQLite takes 999 variables a statement in its older builds, and an id may be asked for in four forms.
BATCH_ROWS = 200


@dataclass
class Outcome:
    """What became of a batch: indices of rows that were new, already there, or there with other content."""

    added: list[int] = field(default_factory=list)
    present: list[int] = field(default_factory=list)
    conflicting: list[int] = field(default_factory=list)


class StoreWriter:
    """Used as a context manager: commits on leaving, rolls everything back where an error left."""

    def __init__(self, engine: Engine, label: str) -> None:
        self.engine, self.label = engine, label
        self.sqlite = engine.dialect.name == "sqlite"

    def __enter__(self) -> Self:
        try:
            with ExitStack() as opened:
                opened.callback(self.engine.dispose)
                self.connection: Connection = opened.enter_context(self.engine.connect())
                if self.sqlite:
                    # Python's sqlite3 begins none for CREATE TABLE, which a rollback would then not take back.
                    self.connection.exec_driver_sql("BEGIN IMMEDIATE")
                else:
                    session: Any = self.connection.connection.driver_connection
                    with driver_errors(self.label, self.engine.url.password):
                        require_options(session, self.label)
                if not inspect(self.connection).has_table(traces.name):
                    metadata.create_all(self.connection)
                self._id_form = self._existing_id_form()
                self._opened = opened.pop_all()
        except DBAPIError as error:
            raise self._error(error) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        try:
            if kind is None:
                self.connection.commit()
            else:
                self.connection.rollback()
        except DBAPIError as error:
            raise self._error(error) from None
        finally:
            self._opened.close()

    def add(self, rows: list[IncomingRow], default_us: int) -> Outcome:
        """Insert the rows that are not there yet. A row without a time gets `default_us`.

        Raises:
            TracesError: the store refused.
        """
        outcome = Outcome()
        try:
            known = self._present(row.id for row in rows)
            fresh: list[dict[str, object]] = []
            for index, row in enumerate(rows):
                held = known.get(row.id)
                if held is None:
                    created_us = default_us if row.created_us is None else row.created_us
                    known[row.id] = row.payload, created_us
                    fresh.append(
                        {
                            "row_id": self._id_value(row.id),
                            "created_at": to_datetime(created_us),
                            "trace_version": row.trace_version,
                            "row_payload": row.payload.decode(),
                        }
                    )
                    outcome.added.append(index)
                elif held[0] == row.payload and row.created_us in (None, held[1]):
                    outcome.present.append(index)
                else:
                    outcome.conflicting.append(index)
            if fresh:
                self.connection.execute(self._insert(), fresh)
        except DBAPIError as error:
            raise self._error(error) from None
        return outcome

    def _insert(self) -> Insert:
        payload = bindparam("row_payload", type_=Text)
        # A JSON column has numeric affinity in SQLite, where a cast would make 0 of a text.
        value = type_coerce(payload, Text) if self.sqlite else sql_cast(payload, traces.c.payload.type)
        row_id = bindparam("row_id", type_=Text)
        identity = type_coerce(row_id, Text) if self.sqlite else sql_cast(row_id, traces.c.id.type)
        return insert(traces).values(id=identity, payload=value)

    def _present(self, ids: Iterable[str]) -> dict[str, tuple[bytes, int | None]]:
        """Canonical payload and time by id, of those of `ids` that the store holds."""
        column: ColumnElement[str] = self._as_text(traces.c.id)
        payload = self._as_text(traces.c.payload)
        time = self._as_text(traces.c.created_at)
        if self.sqlite:
            lower = [form for i in ids for form in (i, i.replace("-", ""))]
            chosen = column.in_([*lower, *map(str.upper, lower)])
        else:
            chosen = traces.c.id.in_([uuid.UUID(i) for i in ids])
            # The session's own date style and time zone are the role's business.
            time = func.to_char(func.timezone("UTC", traces.c.created_at), 'YYYY-MM-DD"T"HH24:MI:SS.US')
        found = self.connection.execute(select(column, payload, time).where(chosen))
        return {normalise_id(row_id): (_canonical(text), parse_us(us)) for row_id, text, us in found}

    def _as_text(self, column: ColumnElement[Any]) -> ColumnElement[str]:
        return type_coerce(column, Text) if self.sqlite else sql_cast(column, Text)

    def _existing_id_form(self) -> str:
        """How this store writes ids: SQLite holds them as text, with or without hyphens."""
        if not self.sqlite:
            return "hyphens"
        one = self.connection.execute(select(self._as_text(traces.c.id)).limit(1)).scalar()
        return "hyphens" if isinstance(one, str) and "-" in one else "hex"

    def _id_value(self, row_id: str) -> str:
        return row_id if self._id_form == "hyphens" else row_id.replace("-", "")

    def _error(self, error: DBAPIError) -> TracesError:
        said = said_by_server(error.orig or error)
        password = self.engine.url.password
        return TracesError(f"{self.label}: {said.replace(str(password), '***') if password else said}")


def _canonical(payload: object) -> bytes:
    if not isinstance(payload, str | bytes):
        return b""
    try:
        return encode_payload(decode_trace(payload))
    except InvalidTrace:
        return b""
