"""Opening the store that the environment names."""

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from traces.errors import TracesError
from traces.store import postgresql, sqlite
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
    if parsed.get_backend_name() == "sqlite":
        return sqlite.SqliteStore(sqlite.connect_engine(parsed, read_only=True), label(parsed))
    return postgresql.PostgresStore(postgresql.connect_engine(parsed, read_only=True), label(parsed))


def open_writable(url: str) -> tuple[Engine, str]:
    """An engine that may write to the store at `url`, and how messages name it.

    Raises:
        TracesError: as `open_store`.
    """
    parsed = _parse(url, f"--to or {DATABASE_URL}")
    module = sqlite if parsed.get_backend_name() == "sqlite" else postgresql
    return module.connect_engine(parsed, read_only=False), label(parsed)


def label(url: URL) -> str:
    """The URL without its password and without its query, which can hold one too."""
    return url.set(query={}).render_as_string(hide_password=True)


def _parse(url: str, where: str) -> URL:
    try:
        # libpq's own short form, which SQLAlchemy does not know.
        parsed = make_url(url.strip().replace("postgres://", "postgresql://", 1))
    except (ArgumentError, ValueError):
        # Never the URL itself: what cannot be parsed cannot be masked.
        raise TracesError(f"{where}: not a database URL; expected {_EXAMPLES}") from None
    if parsed.get_backend_name() not in ("postgresql", "sqlite"):
        raise TracesError(f"{where}: {parsed.get_backend_name()} is not read; expected {_EXAMPLES}")
    if parsed.get_backend_name() == "postgresql" and _holds_password(parsed, url):
        raise TracesError(f"{where}: an @, / or ? in the user's name or the password must be written %40, %2F or %3F")
    return parsed


def _holds_password(parsed: URL, url: str) -> bool:
    """Whether a part that messages show holds some of the password: one that was not meant to has an @ then.

    Likewise what stands in the query and is no `NAME=VALUE`: what stands before its @ was meant for no host.
    """
    query = url.partition("@")[2].partition("?")[2].split("&")
    parts = [parsed.host or "", parsed.database or "", *(part for part in query if "=" not in part)]
    return any("@" in part for part in parts)
