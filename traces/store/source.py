"""The rows of one partition, to be read where the work on them is done: in another process, on another machine.

A source is made by an open store and is good for as long as that stays open: all sources of one store see the one
state of the data that the store sees. It can be pickled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from traces.errors import TracesError, one_line
from traces.partitions import Row


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


@dataclass(frozen=True)
class CopySource(Source):
    """Rows of a PostgreSQL by COPY, in the snapshot that another session holds open."""

    connection: dict[str, Any] = field(repr=False)  # with the password
    snapshot: str
    queries: tuple[str, ...]  # of the columns of `Row`
    label: str

    def rows(self) -> Iterator[Row]:
        try:
            with psycopg.connect(**self.connection) as session, session.cursor() as cursor:
                cursor.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(self.snapshot))
                for query in self.queries:
                    with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)") as copy:
                        copy.set_types(_COLUMN_TYPES)
                        yield from map(Row._make, copy.rows())
        except psycopg.Error as error:
            said = one_line((str(error).strip().splitlines() or [type(error).__name__])[0])
            password = self.connection.get("password")
            raise TracesError(f"{self.label}: {said.replace(str(password), '***') if password else said}") from None
