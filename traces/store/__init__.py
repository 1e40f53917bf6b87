"""The trace store that users already have, in PostgreSQL or SQLite, read as it stands."""

from traces.store.base import Census, Store
from traces.store.open import DATABASE_URL, open_store, open_writable

__all__ = ["DATABASE_URL", "Census", "Store", "open_store", "open_writable"]
