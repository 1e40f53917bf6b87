"""Opening the store that the environment names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from traces.errors import TracesError
from traces.files import new_file_aside
from traces.store import postgresql, sqlite
from traces.store.address import Address, is_postgresql, parse_address
from traces.store.base import Store
from traces.store.write import StoreWriter

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


@contextmanager
def open_writer(url: str) -> Iterator[StoreWriter]:
    """A writer to the store at `url`, in one transaction. A SQLite file that is new appears whole, or not at all.

    Raises:
        TracesError: as `open_writable`; the file's folder is missing, or another process made the file meanwhile.
    """
    parsed = _parse(url, f"--to or {DATABASE_URL}")
    path = None if isinstance(parsed, Address) else sqlite.path_of(parsed)
    if path is None or path.exists() or path.is_symlink():
        with StoreWriter(*open_writable(url)) as writer:
            yield writer
        return
    label = parsed.render_as_string() if isinstance(parsed, URL) else ""
    if not path.parent.is_dir():
        raise TracesError(f"{label}: there is no folder {path.parent}; make it first")
    try:
        with new_file_aside(path) as aside, StoreWriter(sqlite.writable_engine(aside), label) as writer:
            yield writer
    except FileExistsError:
        raise TracesError(f"{label}: another process made it meanwhile; nothing was written; run it again") from None


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
