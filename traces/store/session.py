"""A session that reads: set up within its transaction, then checked.

Everything is set by statements in the transaction. A pooler such as PgBouncer refuses or drops what a connection asks
for in its `options`, and gives the next transaction another session.
"""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg import IsolationLevel, sql

from traces.errors import TracesError
from traces.store.remedies import POOLER

# What rows are read by, whatever the role, the database or the person has set.
SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "extra_float_digits": "3",
    "standard_conforming_strings": "on",  # a backslash in a quoted id is a backslash
    "idle_in_transaction_session_timeout": "0",  # the session whose snapshot others read waits for them
}
_PROMISED = {"transaction_isolation": "repeatable read", "transaction_read_only": "on", "client_encoding": "UTF8"}
# To read a partition or to compute a pin is one statement: a role's limits for its daily work are too short for it.
# What a person sets for the connection holds. PostgreSQL knows transaction_timeout since version 17.
_LIMITS = """
    SELECT set_config(name, '0', true) FROM pg_settings
    WHERE name IN ('statement_timeout', 'transaction_timeout') AND source <> 'client'
"""
# In a connection's options: -c NAME=VALUE, -cNAME=VALUE or --NAME=VALUE.
_OPTION = re.compile(r"(?:^|\s)(?:-c\s*|--)([\w.-]+)=")


def begin_reading(session: psycopg.Connection[Any], label: str, snapshot: str | None = None) -> None:
    """Begin a read-only transaction that sees one state of the data: its own, or an exported `snapshot`.

    Raises:
        psycopg.Error: the server, or what stands between, refuses.
        TracesError: it does not do what was asked for.
    """
    session.isolation_level = IsolationLevel.REPEATABLE_READ
    session.read_only = True
    if snapshot is not None:
        session.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
    for name, value in SETTINGS.items():
        session.execute(sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(name), value))
    session.execute(_LIMITS)
    found = _current(session, [*_PROMISED, *SETTINGS])
    for name, value in {**_PROMISED, **SETTINGS}.items():
        held = found[name]
        # The server adds the order of day and month, which ISO does not use.
        if held is None or held.partition(",")[0] != value:
            raise TracesError(
                f"{label}: {name} is {held}, not {value}: {POOLER} and drops it; name the server's own address"
            )
    require_options(session, label)


def require_options(session: psycopg.Connection[Any], label: str) -> None:
    """Refuse a session in which the options that a person asked for do not hold: it could read another schema.

    Raises:
        TracesError: they do not; the message begins with `label`.
    """
    asked = [*dict.fromkeys(name.replace("-", "_").lower() for name in _OPTION.findall(session.info.options))]
    if not asked:
        return
    rows = session.execute("SELECT lower(name), source FROM pg_settings WHERE lower(name) = ANY(%s)", [asked])
    sources = dict(rows.fetchall())
    # Settings of extensions, and a few others, are in no list.
    sources |= {name: "client" for name, value in _current(session, asked).items() if name not in sources and value}
    if lost := [name for name in asked if sources.get(name) not in ("client", "session")]:
        raise TracesError(
            f"{label}: the connection's options do not hold ({', '.join(lost)}): {POOLER} and drops them; "
            "name the server's own address, or set them by ALTER ROLE ... SET"
        )


def _current(session: psycopg.Connection[Any], names: list[str]) -> dict[str, str | None]:
    found = session.execute("SELECT name, current_setting(name, true) FROM unnest(%s::text[]) AS name", [names])
    return {str(name): value for name, value in found}
