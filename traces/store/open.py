"""Opening the store that the environment names."""

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from traces.errors import TracesError
from traces.store import postgresql, sqlite
from traces.store.address import Address, is_postgresql, parse_address
from traces.store.base import Store

# Which store is the environment's business: a URL with a password never enters params.yaml.
DATABASE_URL = "TRACES_DATABASE_URL"
_EXAMPLES = "postgresql://user:password@host/database or sqlite:///file.db"


def open_store(url: str) -> Store:
    """The store at `url`, to be read: used as a context manager, it is one read-only transaction.

    Raises:
        TracesError: the URL is not one, or names a kind of database that is not read.
    """
    parsed = _parse(url, DATABASE_URL)
    if isinstance(parsed, Address):
        return postgresql.PostgresStore(parsed)
    return sqlite.SqliteStore(sqlite.path_of(parsed), parsed.render_as_string())


def open_writable(url: str) -> tuple[Engine, str]:
    """An engine that may write to the store at `url`, and how messages name it.

    Raises:
        TracesError: as `open_store`.
    """
    parsed = _parse(url, f"--to or {DATABASE_URL}")
    if isinstance(parsed, Address):
        return postgresql.connect_engine(parsed), parsed.label
    return sqlite.writable_engine(sqlite.path_of(parsed)), parsed.render_as_string()


def _parse(url: str, where: str) -> URL | Address:
    url = url.strip()
    if is_postgresql(url):
        return parse_address(url, where, _EXAMPLES)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Never the URL itself: what cannot be parsed cannot be masked.
        raise TracesError(f"{where}: not a database URL; expected {_EXAMPLES}") from None
    if parsed.get_backend_name() != "sqlite":
        raise TracesError(f"{where}: {parsed.get_backend_name()} is not read; expected {_EXAMPLES}")
    return parsed.set(query={})
