"""Partitions and digests: how a million pinned rows fit into a small file, and how a change is found.

In (created_at, id) order a new partition begins at each row whose id hashes to 0 modulo
`partition_rows`. Partitions follow from the data alone: rows added at the end touch the last one only;
a late, changed or removed row touches one or two, whatever the history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from traces.ids import is_id
from traces.times import to_datetime, to_iso

# Names the computation below; a pin made by another method says so instead of differing everywhere.
DIGEST_METHOD = "md5-64-sum/1"
_MODULUS = 2**64


class Row(NamedTuple):
    """A row of the store, ids in normal form.

    `created_us` is None where the store's time is missing, unreadable or outside of the years 1-9999;
    such rows come before all others. `payload` is JSON text, of unknown soundness, possibly absent.
    """

    id: str
    created_us: int | None
    trace_version: str | None
    payload: bytes | str | None


@dataclass(frozen=True)
class Partition:
    """What a pin knows of a partition: its first row's key, how many rows, and their digest (hex)."""

    first_us: int | None
    first_id: str
    rows: int
    digest: str

    @property
    def name(self) -> str:
        """The stem of the files that hold this partition, ordered like the partitions themselves."""
        return partition_name(self.first_us, self.first_id)

    @property
    def first(self) -> str:
        """The first row's key, as data/snapshot.json writes it."""
        return f"{'undated' if self.first_us is None else to_iso(self.first_us)} {self.first_id}"


def partition_name(first_us: int | None, first_id: str) -> str:
    """`20260131T120000000000Z-` and the id without hyphens; a row without a time sorts first."""
    time = "0" * 8 + "T" + "0" * 12 if first_us is None else f"{to_datetime(first_us):%Y%m%dT%H%M%S%f}".rjust(21, "0")
    name = "".join(c for c in first_id if c.isascii() and c.isalnum())[:32]
    if not is_id(first_id):  # it may hold anything: what no file name can, and what another one has too
        name += "-" + hashlib.blake2b(first_id.encode(errors="surrogatepass"), digest_size=6).hexdigest()
    return f"{time}Z-{name}"


def starts_partition(trace_id: str, partition_rows: int) -> bool:
    """Whether a new partition begins at this row: 60 bits of the id's md5, modulo `partition_rows`."""
    # 60 bits, so that PostgreSQL can take the same digits into a positive bigint.
    digest = hashlib.md5(trace_id.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()
    return int(digest[:15], 16) % partition_rows == 0


def row_digest(row: Row) -> int:
    """64 bits that stand for one row; the sum of them, modulo 2**64, stands for a partition."""
    payload = b"" if row.payload is None else row.payload if isinstance(row.payload, bytes) else row.payload.encode()
    version = row.trace_version or ""
    time = "" if row.created_us is None else row.created_us
    head = f"{row.id}|{time}|{len(version)}|{version}|"
    digest = hashlib.md5(head.encode(errors="surrogatepass") + payload, usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big")


def sum_digest(total: int) -> str:
    """The digest of a partition as it is written: 16 hex digits."""
    return f"{total % _MODULUS:016x}"


class Fingerprint:
    """What a pin knows of one partition, gathered while its rows go by."""

    def __init__(self) -> None:
        self.first: Row | None = None
        self.rows = self.total = 0

    def add(self, row: Row) -> None:
        self.first = self.first or row
        self.rows += 1
        self.total += row_digest(row)

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows as they are, each one counted in."""
        for row in rows:
            self.add(row)
            yield row

    @property
    def partition(self) -> Partition:
        if self.first is None:
            raise ValueError("a partition has at least one row")
        return Partition(self.first.created_us, self.first.id, self.rows, sum_digest(self.total))


def fingerprint(rows: Iterable[Row], partition_rows: int) -> Iterator[Partition]:
    """The partitions of `rows`, which come in order. Memory does not grow with the rows."""
    current = Fingerprint()
    for row in rows:
        if current.rows and starts_partition(row.id, partition_rows):
            yield current.partition
            current = Fingerprint()
        current.add(row)
    if current.rows:
        yield current.partition
