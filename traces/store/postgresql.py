"""The store in PostgreSQL, by psycopg 3: server-side cursors, one repeatable-read snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Engine,
    Integer,
    Numeric,
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

from traces.partitions import Partition, Row, sum_digest
from traces.store.base import BATCH_ROWS, Store
from traces.store.table import traces
from traces.times import to_datetime

CONNECT_TIMEOUT_S = 10

# In the connection's options rather than in statements: psycopg would turn a SET into a cursor.
READ_ONLY = (
    "-c default_transaction_read_only=on"
    " -c default_transaction_isolation=repeatable\\ read"
    " -c TimeZone=UTC -c DateStyle=ISO -c extra_float_digits=3"
)

_FIRST = literal_column("timestamptz '0001-01-01 00:00:00+00'", DateTime(timezone=True))
_END = literal_column("timestamptz '10000-01-01 00:00:00+00'", DateTime(timezone=True))


def connect_engine(url: URL, *, read_only: bool) -> Engine:
    """An engine for `url`; nothing is connected yet. A timeout or options in the URL are kept."""
    arguments: dict[str, Any] = {}
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = CONNECT_TIMEOUT_S
    if read_only:
        given = url.query.get("options", "")
        arguments["options"] = f"{given} {READ_ONLY}" if isinstance(given, str) else READ_ONLY
    return create_engine(url.set(drivername="postgresql+psycopg"), connect_args=arguments)


class PostgresStore(Store):
    """Where the rows are many: what can be computed in the server is."""

    @property
    def kind(self) -> str:
        with self.errors():
            columns = {column["name"]: column["type"] for column in inspect(self.connection).get_columns("traces")}
        return "postgresql/jsonb" if isinstance(columns["payload"], JSONB) else "postgresql/json"

    def begin(self) -> None:
        # The first statement takes the snapshot; SQLAlchemy has begun the transaction by then.
        self.connection.execute(select(literal(1)))

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

    def stream(self, as_of_us: int) -> Iterator[Row]:
        # Two statements, so that each may walk the index on created_at instead of sorting payloads.
        created_at = traces.c.created_at
        undated = or_(created_at.is_(None), created_at < _FIRST, created_at >= _END)
        columns = (self.id_text, self.created_us, traces.c.trace_version, self.payload_text)
        for where, order in (
            (undated, (traces.c.id,)),
            (self._not_later(as_of_us), (traces.c.created_at, traces.c.id)),
        ):
            statement = select(*columns).where(where).order_by(*order)
            options = {"stream_results": True, "yield_per": BATCH_ROWS}
            with self.connection.execution_options(**options).execute(statement) as result:
                for row in result:
                    yield Row._make(row)

    def partitions(self, as_of_us: int, partition_rows: int) -> list[Partition]:
        """Computed in the server, in one statement: only one row a partition crosses the network."""
        rows = self._digested_rows(as_of_us, partition_rows)
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
        return [Partition(us, first_id, count, sum_digest(int(total))) for us, first_id, count, total in found]

    def _digested_rows(self, as_of_us: int, partition_rows: int) -> Subquery:
        """A row's key, `traces.partitions.row_digest` of it, and whether a partition starts there."""
        version = func.coalesce(traces.c.trace_version, "")
        head = func.concat(self.id_text, "|", self.created_us, "|", func.char_length(version), "|", version, "|")
        digest = _md5_bits(head.concat(func.coalesce(self.payload_text, "")), 16)
        starts = _md5_bits(self.id_text, 15) % partition_rows == 0
        return (
            select(
                self.id_text.label("id"),
                traces.c.id.label("raw_id"),
                self.created_us.label("us"),
                digest.label("digest"),
                starts.label("starts"),
            )
            .where(or_(self.created_us.is_(None), self._not_later(as_of_us)))
            .subquery()
        )


def _md5_bits(text: ColumnElement[str], hex_digits: int) -> ColumnElement[int]:
    """The first digits of the md5 of a text's UTF-8 as a bigint: signed where all 16 are taken."""
    digits = func.left(func.md5(func.convert_to(text, literal("UTF8"))), hex_digits)
    return sql_cast(sql_cast(literal("x").concat(func.lpad(digits, 16, "0")), BIT(64)), BigInteger)
