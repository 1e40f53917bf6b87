"""The trace store that users already have, in PostgreSQL or SQLite, read as it stands."""

from traces.store.base import Store
from traces.store.open import DATABASE_URL, open_store, open_writable, open_writer
from traces.store.source import Source

__all__ = ["DATABASE_URL", "Source", "Store", "open_store", "open_writable", "open_writer"]
