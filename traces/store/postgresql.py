"""The store in PostgreSQL, by psycopg 3: rows by COPY, in one repeatable-read snapshot."""

from __future__ import annotations

import itertools
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, cast

import psycopg
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Engine,
    Integer,
    Numeric,
    Select,
    Subquery,
    Text,
    and_,
    case,
    create_engine,
    func,
    inspect,
    literal,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import BIT, JSONB
from sqlalchemy.engine import URL

from traces.errors import TracesError
from traces.partitions import Cut, Partition, Row, sum_digest
from traces.store.address import CONNECT_TIMEOUT_S, Address
from traces.store.base import Store
from traces.store.session import begin_reading
from traces.store.source import CopySource, Source, copied_rows, driver_errors
from traces.store.table import traces
from traces.times import to_datetime, to_iso

_FIRST = literal_column("timestamptz '0001-01-01 00:00:00+00'", DateTime(timezone=True))
_END = literal_column("timestamptz '10000-01-01 00:00:00+00'", DateTime(timezone=True))


def connect_engine(address: Address) -> Engine:
    """An engine for an address; nothing is connected yet."""
    # The password is in the engine's URL as well, by which messages mask it.
    url = URL.create("postgresql+psycopg", password=address.password)
    return create_engine(url, connect_args=address.parameters())


class PostgresStore(Store):
    """Where the rows are many: what can be computed in the server is."""

    @property
    def kind(self) -> str:
        return "postgresql/jsonb" if isinstance(self._column_types()["payload"], JSONB) else "postgresql/json"

    def _column_types(self) -> dict[str, Any]:
        with self.errors():
            return {column["name"]: column["type"] for column in inspect(self.connection).get_columns(traces.name)}

    def check_table(self) -> None:
        super().check_table()
        held = self._column_types()["created_at"]
        if not isinstance(held, DateTime | Date):
            raise TracesError(
                f"{self.label}: the column created_at is {str(held).lower()}, not timestamptz; "
                "name the table otherwise, and make `traces` a view of it with `created_at::timestamptz`"
            )

    def __init__(self, address: Address) -> None:
        super().__init__(connect_engine(address), address.label)
        self.address = address
        self.snapshot: str | None = None  # by which other sessions see the same state of the data

    @property
    def session(self) -> psycopg.Connection[Any]:
        """The driver's own session."""
        return cast("psycopg.Connection[Any]", self.connection.connection.driver_connection)

    def begin(self) -> None:
        with driver_errors(self.label, self.address.password):
            begin_reading(self.session, self.label)

    def id_of(self, column: ColumnElement[Any]) -> ColumnElement[str]:
        return func.coalesce(sql_cast(column, Text), "")

    def id_key(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return column

    def us_of(self, column: ColumnElement[Any]) -> ColumnElement[int | None]:
        micros = sql_cast(func.extract("epoch", column) * 1_000_000, BigInteger)
        return case((and_(column >= _FIRST, column < _END), micros), else_=None)

    def number_of(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return column

    @property
    def payload_text(self) -> ColumnElement[Any]:
        return sql_cast(traces.c.payload, Text)

    @property
    def now_us(self) -> ColumnElement[int]:
        return sql_cast(func.extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)

    def meta_text(self, key: str) -> ColumnElement[str | None]:
        return type_coerce(traces.c.payload.op("->")("meta").op("->>")(key), Text)

    def _not_later(self, as_of_us: int) -> ColumnElement[bool]:
        return and_(traces.c.created_at >= _FIRST, traces.c.created_at <= to_datetime(as_of_us))

    def _undated(self) -> Select[Any]:
        created_at = traces.c.created_at
        undated = or_(created_at.is_(None), created_at < _FIRST, created_at >= _END)
        return select(*self._columns).where(undated).order_by(traces.c.id)

    def _dated(self, as_of_us: int) -> Select[Any]:
        return select(*self._columns).where(self._not_later(as_of_us)).order_by(traces.c.created_at, traces.c.id)

    @property
    def _columns(self) -> tuple[ColumnElement[Any], ...]:
        return self.id_text, self.created_us, sql_cast(traces.c.trace_version, Text), self.payload_text

    def stream(self, as_of_us: int) -> Iterator[Row]:
        # Two statements, so that each may walk the index on created_at instead of sorting payloads.
        rows = copied_rows(self.session, self._queries(as_of_us, None, None))
        # A COPY that is not read to its end holds the session, which would wait for it without end when it is closed.
        self._opened.callback(rows.close)
        with driver_errors(self.label, self.address.password):
            yield from rows

    def sources(self, as_of_us: int, partitions: list[Partition]) -> list[Source] | None:
        """Each partition by its keys, where an index on created_at spares each a walk over the whole table."""
        with self.errors():
            indices = inspect(self.connection).get_indexes(traces.name)
            # Without an id there is no key by which to begin.
            if not any(map(_serves_ranges, indices)) or not all(partition.first_id for partition in partitions):
                return None
            self.snapshot = self._export_snapshot()
        if self.snapshot is None:
            return None
        connection = self._parameters()
        # The rows before the first partition's first are that partition's: were there any, it would differ.
        ends = [None, *partitions[1:], None]
        return [
            CopySource(connection, self.snapshot, self._queries(as_of_us, first, following), self.label)
            for first, following in itertools.pairwise(ends)
        ]

    def _export_snapshot(self) -> str | None:
        """The name of this transaction's snapshot; None if the server gives none: one session then reads all."""
        try:
            (name,) = self.session.execute("SELECT pg_export_snapshot()").fetchone() or (None,)
        except psycopg.Error:
            # A savepoint would not do: none is exported from a subtransaction.
            self.session.rollback()
            self.begin()
            return None
        return cast("str | None", name)

    def _parameters(self) -> dict[str, Any]:
        """What the driver connects another session with: to that one of several servers that has the snapshot."""
        info = self.session.info
        chosen = {"host": info.host, "port": str(info.port), "hostaddr": info.hostaddr}
        found = self.address.parameters() | chosen
        unused = ("service", "servicefile", "target_session_attrs", "load_balance_hosts")
        return {name: value for name, value in found.items() if name not in unused and value != ""}

    def refuses_sessions(self, count: int) -> str | None:
        """By opening so many: limits are those of the role, of the database, of the server and of a pooler.

        Others have some of them. Behind a balancer a session may also be one of a server that lacks the snapshot.
        """
        late = threading.Event()

        def cut_off(session: psycopg.Connection[Any]) -> None:
            late.set()
            with socket.socket(fileno=os.dup(session.fileno())) as connected:
                connected.shutdown(socket.SHUT_RDWR)

        try:
            with driver_errors(self.label, self.address.password), ExitStack() as opened:
                for _ in range(count):
                    session = opened.enter_context(psycopg.connect(**self._parameters()))
                    # A pooler with no session free says nothing for two minutes, and does not heed a cancellation.
                    timer = threading.Timer(CONNECT_TIMEOUT_S, cut_off, [session])
                    timer.daemon = True
                    timer.start()
                    try:
                        begin_reading(session, self.label, self.snapshot)
                    finally:
                        timer.cancel()
        except TracesError as error:
            return f"{self.label}: no further session within {CONNECT_TIMEOUT_S} s" if late.is_set() else str(error)
        return None

    def _queries(self, as_of_us: int, first: Partition | None, following: Partition | None) -> tuple[str, ...]:
        """SQL of the rows from `first` on and before `following`, undated ones before all others."""
        undated, dated = self._undated(), self._dated(as_of_us)
        row_id, created_at = traces.c.id, traces.c.created_at
        statements = []
        if first is None or first.first_us is None:
            if first is not None:
                undated = undated.where(row_id >= _literal(first.first_id))
            if following is not None and following.first_us is None:
                undated = undated.where(row_id < _literal(following.first_id))
            statements.append(undated)
        if following is None or following.first_us is not None:
            # The comparison of times alone walks the index; ids then part the rows of one time.
            if first is not None and first.first_us is not None:
                time = _time(first.first_us)
                dated = dated.where(created_at >= time, or_(created_at > time, row_id >= _literal(first.first_id)))
            if following is not None and following.first_us is not None:
                time = _time(following.first_us)
                dated = dated.where(created_at <= time, or_(created_at < time, row_id < _literal(following.first_id)))
            statements.append(dated)
        compiled = (
            statement.compile(dialect=self.engine.dialect, compile_kwargs={"literal_binds": True})
            for statement in statements
        )
        # SQLAlchemy writes for a driver that looks for its own marks after a percent sign; COPY has none.
        return tuple(str(text).replace("%%", "%") for text in compiled)

    def partitions(self, as_of_us: int, partition_rows: int) -> list[Partition]:
        """Computed in the server, in one statement: only one row a partition crosses the network."""
        cut = Cut(partition_rows)
        rows = self._digested_rows(as_of_us, cut.modulus)
        order = [rows.c.us.asc().nulls_first(), rows.c.raw_id]
        numbered = select(
            rows.c.id,
            rows.c.us,
            rows.c.digest,
            or_(rows.c.starts, func.row_number().over(order_by=order) == 1).label("first"),
            func.sum(sql_cast(rows.c.starts, Integer)).over(order_by=order, rows=(None, 0)).label("part"),
        ).subquery()
        statement = (
            select(
                func.max(numbered.c.us).filter(numbered.c.first),
                func.max(numbered.c.id).filter(numbered.c.first),
                func.count(),
                func.sum(sql_cast(numbered.c.digest, Numeric)),
            )
            .group_by(numbered.c.part)
            .order_by(numbered.c.part)
        )
        with self.errors():
            found = self.connection.execute(statement).all()
        pieces = (Partition(us, first_id, count, sum_digest(int(total))) for us, first_id, count, total in found)
        return list(cut.joined(pieces))

    def _digested_rows(self, as_of_us: int, modulus: int) -> Subquery:
        """A row's key, `traces.partitions.row_digest` of it, and whether a partition may begin there."""
        version = func.coalesce(traces.c.trace_version, "")
        head = func.concat(self.id_text, "|", self.created_us, "|", func.char_length(version), "|", version, "|")
        digest = _md5_bits(head.concat(func.coalesce(self.payload_text, "")), 16)
        starts = _md5_bits(self.id_text, 15) % modulus == 0
        return (
            select(
                self.id_text.label("id"),
                traces.c.id.label("raw_id"),
                self.created_us.label("us"),
                digest.label("digest"),
                starts.label("starts"),
            )
            .where(or_(self.created_us.is_(None), self._not_later(as_of_us)))
            # Else the server would sort the payloads and hash them afterwards, a thousand bytes a row through its disk.
            .offset(0)
            .subquery()
        )


def _serves_ranges(index: Any) -> bool:
    """Whether a range of created_at can be read by an index, of the whole table."""
    options = index.get("dialect_options", {})
    return (
        index["column_names"][:1] == ["created_at"]
        and "postgresql_where" not in options
        and options.get("postgresql_using", "btree") in ("btree", "brin")
    )


def _literal(text: str) -> ColumnElement[Any]:
    """A quoted text of no type: the database takes it for what it is compared with."""
    quoted = text.replace("'", "''")
    return literal_column(f"'{quoted}'")


def _time(us: int) -> ColumnElement[Any]:
    return literal_column(f"timestamptz '{to_iso(us)}'", DateTime(timezone=True))


def _md5_bits(text: ColumnElement[str], hex_digits: int) -> ColumnElement[int]:
    """The first digits of the md5 of a text's UTF-8 as a bigint: signed where all 16 are taken."""
    digits = func.left(func.md5(func.convert_to(text, literal("UTF8"))), hex_digits)
    return sql_cast(sql_cast(literal("x").concat(func.lpad(digits, 16, "0")), BIT(64)), BigInteger)
