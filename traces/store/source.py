"""The rows of one partition, to be read where the work on them is done: in another process, on another machine.

A source is made by an open store and is good for as long as that stays open: all sources of one store see the one
state of the data that the store sees. It can be pickled.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from traces.errors import TracesError
from traces.partitions import Row
from traces.store.remedies import said_by_server
from traces.store.session import begin_reading


class Source(ABC):
    """A partition's rows."""

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """The rows, in (created_at, id) order.

        Raises:
            TracesError: they cannot be read.
        """


# What a COPY's binary columns are read as. The payload's text comes as the bytes that it is: it is hashed and decoded
# as such, and text would have to be encoded again for either.
_COLUMN_TYPES = ("text", "int8", "text", "bytea")
# A server counts a session for a moment after its end, and refuses the next one where a role may have only so many.
RETRY_S = (0.05, 0.1, 0.2, 0.4, 0.8)


@dataclass(frozen=True)
class CopySource(Source):
    """Rows of a PostgreSQL by COPY, in the snapshot that another session holds open."""

    connection: dict[str, Any] = field(repr=False)  # with the password
    snapshot: str
    queries: tuple[str, ...]  # of the columns of `Row`
    label: str

    def rows(self) -> Iterator[Row]:
        with driver_errors(self.label, self.connection.get("password")), self._connect() as session:
            begin_reading(session, self.label, self.snapshot)
            yield from copied_rows(session, self.queries)

    def _connect(self) -> psycopg.Connection[Any]:
        for pause_s in RETRY_S:
            try:
                return psycopg.connect(**self.connection)
            except psycopg.errors.ConnectionTimeout:
                raise
            except psycopg.OperationalError:
                time.sleep(pause_s)
        return psycopg.connect(**self.connection)


def copied_rows(session: psycopg.Connection[Any], queries: tuple[str, ...]) -> Generator[Row]:
    """The rows of queries of the columns of `Row`, one by one as the server sends them: no batch is held."""
    with session.cursor() as cursor:
        for query in queries:
            with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)") as copy:
                copy.set_types(_COLUMN_TYPES)
                yield from map(Row._make, copy.rows())


@contextmanager
def driver_errors(label: str, password: object) -> Iterator[None]:
    """Turn what the driver says into one line that names the store and never its password."""
    try:
        yield
    except psycopg.Error as error:
        said = said_by_server(error)
        raise TracesError(f"{label}: {said.replace(str(password), '***') if password else said}") from None
