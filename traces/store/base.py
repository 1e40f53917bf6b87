"""What every store can be asked, whichever database holds it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, func, inspect, literal_column, or_, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from traces.errors import TracesError, one_line
from traces.partitions import Partition, Row, fingerprint
from traces.scores import Score, score_value
from traces.store.remedies import said_by_server
from traces.store.source import Source
from traces.store.table import COLUMNS, SCORE_COLUMNS, scores, traces

# Rows fetched from the server at a time: 2,000 traces of 1 KB are 2 MB.
BATCH_ROWS = 2000


@dataclass(frozen=True)
class Census:
    """What `traces status` says of a store's content. Counts by `meta.source` and `meta.game`.

    `uncounted` is why there are no such counts: a payload may hold what the database itself cannot read.
    """

    rows: int
    first_us: int | None
    last_us: int | None
    sources: dict[str, int]
    games: dict[str, int]
    uncounted: str | None = None


class Store(ABC):
    """A trace store, open in one read-only transaction that sees one state of the data."""

    def __init__(self, engine: Engine, label: str) -> None:
        self.engine = engine
        self.label = label  # how messages name the store: credentials masked

    def __enter__(self) -> Self:
        with ExitStack() as opened, self.errors():
            opened.callback(self.engine.dispose)
            self.connection: Connection = opened.enter_context(self.engine.connect())
            self.begin()
            self.check_table()
            self._opened = opened.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with self.errors():
                self._opened.close()
        except TracesError:
            # The end of a session that is gone must not stand for what went wrong before.
            if kind is None:
                raise

    @property
    @abstractmethod
    def kind(self) -> str:
        """What shapes the payload's text, and so the digests: the database and the column's type."""

    @abstractmethod
    def begin(self) -> None:
        """Begin the read-only transaction."""

    @abstractmethod
    def id_of(self, column: ColumnElement[Any]) -> ColumnElement[str]:
        """A column of ids as text in normal form."""

    @abstractmethod
    def id_key(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """A column of ids by which rows can be joined, and ordered as their texts are."""

    @abstractmethod
    def us_of(self, column: ColumnElement[Any]) -> ColumnElement[int | None]:
        """A column of times in microseconds since 1970; NULL where the project cannot hold it."""

    @abstractmethod
    def number_of(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """A column of numbers as they are; NULL where one is none."""

    @property
    def id_text(self) -> ColumnElement[str]:
        """The trace's id in normal form."""
        return self.id_of(traces.c.id)

    @property
    def created_us(self) -> ColumnElement[int | None]:
        """The trace's created_at in microseconds since 1970; NULL where the project cannot hold it."""
        return self.us_of(traces.c.created_at)

    @property
    @abstractmethod
    def payload_text(self) -> ColumnElement[Any]:
        """The payload's JSON text, as text or UTF-8 bytes."""

    @property
    @abstractmethod
    def now_us(self) -> ColumnElement[int]:
        """The database's own clock, in microseconds since 1970."""

    @abstractmethod
    def meta_text(self, key: str) -> ColumnElement[Any]:
        """`payload.meta.KEY` as text or UTF-8 bytes."""

    @abstractmethod
    def stream(self, as_of_us: int) -> Iterator[Row]:
        """The rows not later than `as_of_us`, undated ones first, then in (created_at, id) order."""

    def sources(self, as_of_us: int, partitions: list[Partition]) -> list[Source] | None:  # noqa: ARG002
        """The partitions, each to be read by itself, together all rows not later than `as_of_us`.

        None where the store can only be read from one end to the other.
        """
        return None

    def refuses_sessions(self, count: int) -> str | None:  # noqa: ARG002
        """Why `count` sources cannot be read at one time beside this store; None where they can."""
        return None

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn what the database says into one line that names the store and never a password."""
        try:
            yield
        except DBAPIError as error:
            raise TracesError(f"{self.label}: {self.mask(said_by_server(error.orig or error))}") from None
        except SQLAlchemyError as error:
            raise TracesError(f"{self.label}: {self.mask(one_line(str(error).splitlines()[0]))}") from None

    def mask(self, text: str) -> str:
        """`text` without the password, should a driver quote it."""
        password = self.engine.url.password
        return text.replace(str(password), "***") if password else text

    def check_table(self) -> None:
        """Say in one line where the table or one of its columns is missing."""
        self._require_table(
            traces,
            COLUMNS,
            "name another database in TRACES_DATABASE_URL, or make one with `traces ingest --to URL FILE`",
        )

    def _require_table(self, table: Table, columns: tuple[str, ...], mend: str) -> None:
        found = inspect(self.connection)
        if not (found.has_table(table.name) or table.name in found.get_view_names()):
            raise TracesError(f"{self.label}: no table `{table.name}`; {mend}")
        held = {column["name"] for column in found.get_columns(table.name)}
        if missing := [name for name in columns if name not in held]:
            raise TracesError(
                f"{self.label}: table `{table.name}` has no column {', '.join(missing)}; see docs/postgresql.md"
            )

    def require_scores(self) -> None:
        """Say in one line where the table of scores or one of its columns is missing.

        Raises:
            TracesError: it is.
        """
        with self.errors():
            self._require_table(
                scores, SCORE_COLUMNS, "`extract.scores: null` in params.yaml does without; see docs/postgresql.md"
            )

    def settled_us(self, settle_s: float) -> ColumnElement[int]:
        """The time `settle_s` seconds ago by the database's clock."""
        return self.now_us - round(settle_s * 1e6)

    def newest_score_us(self, criteria: str, not_after_us: int | ColumnElement[int]) -> int | None:
        """The newest created_at among scores by `criteria` not later than `not_after_us`.

        Raises:
            TracesError: the store has no table of scores.
        """
        self.require_scores()
        us = self.us_of(scores.c.created_at)
        settled = us <= not_after_us
        newest: int | None = self.scalar(select(func.max(us)).where(scores.c.criteria == criteria, settled))
        return newest

    def count_scores_after(self, criteria: str, as_of_us: int) -> int:
        """How many scores by `criteria` are later than `as_of_us`."""
        later = self.us_of(scores.c.created_at) > as_of_us
        return int(self.scalar(select(func.count()).select_from(scores).where(scores.c.criteria == criteria, later)))

    def scores(self, as_of_us: int, criteria: str, scored_as_of_us: int) -> Iterator[Score]:
        """The latest score by `criteria` not later than `scored_as_of_us`, of each trace not later than `as_of_us`.

        In the traces' (created_at, id) order; a trace whose latest score is no number has none.
        """
        us = self.us_of(scores.c.created_at)
        trace = self.id_key(scores.c.trace_id)
        latest_first = (us.desc().nulls_last(), scores.c.id.desc())
        latest = (
            select(
                trace.label("trace"),
                self.number_of(scores.c.score).label("score"),
                func.row_number().over(partition_by=trace, order_by=latest_first).label("place"),
            )
            .where(scores.c.criteria == criteria, or_(us.is_(None), us <= scored_as_of_us))
            .subquery()
        )
        key = self.id_key(traces.c.id)
        statement = (
            select(self.created_us, self.id_text, latest.c.score)
            .join(latest, latest.c.trace == key)
            .where(latest.c.place == 1, self.created_us <= as_of_us)
            .order_by(self.created_us, key)
        )
        options = {"stream_results": True, "yield_per": BATCH_ROWS}
        with self.errors(), self.connection.execution_options(**options).execute(statement) as result:
            for created_us, trace_id, raw in result:
                if (score := score_value(raw)) is not None:
                    yield Score(created_us, trace_id, score)

    def rows(self, as_of_us: int) -> Iterator[Row]:
        """Like `stream`, with the database's errors in one line."""
        with self.errors():
            yield from self.stream(as_of_us)

    def partitions(self, as_of_us: int, partition_rows: int) -> list[Partition]:
        """The partitions of the rows not later than `as_of_us`."""
        return list(fingerprint(self.rows(as_of_us), partition_rows))

    def newest_us(self, settle_s: float) -> int | None:
        """The newest created_at among rows older than `settle_s` seconds by the database's clock."""
        newest = select(func.max(self.created_us)).where(self.created_us <= self.settled_us(settle_s))
        us: int | None = self.scalar(newest)
        return us

    def count_after(self, as_of_us: int) -> int:
        """How many rows are later than `as_of_us`."""
        return int(self.scalar(select(func.count()).select_from(traces).where(self.created_us > as_of_us)))

    def count_future(self) -> int:
        """How many rows are later than the database's own clock says it is."""
        return int(self.scalar(select(func.count()).select_from(traces).where(self.created_us > self.now_us)))

    def census(self) -> Census:
        """Rows, span, sources and games, counted by the database."""
        with self.errors():
            rows, first, last = self.connection.execute(
                select(func.count(), func.min(self.created_us), func.max(self.created_us)).select_from(traces)
            ).one()
        try:
            return Census(rows, first, last, self._count_by("source"), self._count_by("game"))
        except TracesError as error:
            return Census(rows, first, last, {}, {}, str(error))

    def _count_by(self, key: str) -> dict[str, int]:
        value = self.meta_text(key).label("value")
        statement = select(value, func.count()).group_by(literal_column("1"))
        counts: Counter[str] = Counter()
        # A savepoint: PostgreSQL ends a transaction in which a statement failed.
        with self.errors(), self.connection.begin_nested():
            for name, count in self.connection.execute(statement):
                if name is not None:
                    counts[name.decode(errors="replace") if isinstance(name, bytes) else str(name)] += count
        return dict(sorted(counts.items()))

    def scalar(self, statement: Select[Any]) -> Any:
        """The one value of `statement`."""
        with self.errors():
            return self.connection.execute(statement).scalar()
