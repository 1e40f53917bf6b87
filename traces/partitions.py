"""Partitions and digests: how a million pinned rows fit into a small file, and how a change is found.

In (created_at, id) order, once a partition has three quarters of `partition_rows`, the next one begins at the first
row whose id hashes to 0 modulo the other quarter: `partition_rows` on average, none tiny, few much larger. Partitions
follow from the data alone: rows added at the end touch the last one only; a late, changed or removed row touches the
one that holds it, and those after it only as far as the two cuts differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from traces.ids import is_id
from traces.times import to_datetime, to_iso

# Names the computation below; a pin made by another method says so instead of differing everywhere.
DIGEST_METHOD = "md5-64-sum/1"
_MODULUS = 2**64


class Row(NamedTuple):
    """A row of the store, ids in normal form.

    `created_us` is None where the store's time is missing, unreadable or outside of the years 1-9999;
    such rows come before all others. `payload` is JSON text in UTF-8, of unknown soundness, possibly absent.
    """

    id: str
    created_us: int | None
    trace_version: str | None
    payload: bytes | None


def payload_bytes(row: Row) -> int:
    """How many bytes a row's payload has."""
    return len(row.payload or b"")


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


class Cut:
    """Where partitions begin: `modulus` says at which rows, `fewest` how many the one before must have."""

    def __init__(self, partition_rows: int) -> None:
        self.modulus = max(1, partition_rows // 4)
        self.fewest = partition_rows - self.modulus

    def may_begin(self, trace_id: str) -> bool:
        """Whether a partition may begin at this row: 60 bits of the id's md5 are 0 modulo `modulus`."""
        # 60 bits, so that PostgreSQL can take the same digits into a positive bigint.
        digest = hashlib.md5(trace_id.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()
        return int(digest[:15], 16) % self.modulus == 0

    def begins(self, trace_id: str, rows: int) -> bool:
        """Whether a partition begins at this row, the one before it having `rows`."""
        return rows >= max(1, self.fewest) and self.may_begin(trace_id)

    def joined(self, pieces: Iterable[Partition]) -> Iterator[Partition]:
        """The partitions, of pieces that begin wherever one may."""
        current: Partition | None = None
        for piece in pieces:
            if current is None or current.rows >= max(1, self.fewest):
                if current is not None:
                    yield current
                current = piece
            else:
                total = int(current.digest, 16) + int(piece.digest, 16)
                current = replace(current, rows=current.rows + piece.rows, digest=sum_digest(total))
        if current is not None:
            yield current


def row_digest(row: Row) -> int:
    """64 bits that stand for one row; the sum of them, modulo 2**64, stands for a partition."""
    version = row.trace_version or ""
    time = "" if row.created_us is None else row.created_us
    head = f"{row.id}|{time}|{len(version)}|{version}|"
    digest = hashlib.md5(head.encode(errors="surrogatepass"), usedforsecurity=False)
    if row.payload is not None:
        digest.update(row.payload)
    return int.from_bytes(digest.digest()[:8], "big")


def sum_digest(total: int) -> str:
    """The digest of a partition as it is written: 16 hex digits."""
    return f"{total % _MODULUS:016x}"


class Fingerprint:
    """What a pin knows of one partition, gathered while its rows go by; none of them is kept."""

    def __init__(self) -> None:
        self.first: tuple[int | None, str] | None = None
        self.last_us: int | None = None
        self.rows = self.total = 0

    def add(self, row: Row) -> None:
        if self.first is None:
            self.first = row.created_us, row.id
        self.last_us = row.created_us
        self.rows += 1
        self.total += row_digest(row)

    def watch(self, rows: list[Row]) -> list[Row]:
        """The rows as they are, counted in."""
        if rows:
            self.first = self.first or (rows[0].created_us, rows[0].id)
            self.last_us = rows[-1].created_us
            self.rows += len(rows)
            self.total += sum(map(row_digest, rows))
        return rows

    @property
    def partition(self) -> Partition:
        if self.first is None:
            raise ValueError("a partition has at least one row")
        return Partition(*self.first, self.rows, sum_digest(self.total))


def fingerprint(rows: Iterable[Row], partition_rows: int) -> Iterator[Partition]:
    """The partitions of `rows`, which come in order. Memory does not grow with the rows."""
    cut = Cut(partition_rows)
    current = Fingerprint()
    for row in rows:
        if cut.begins(row.id, current.rows):
            yield current.partition
            current = Fingerprint()
        current.add(row)
    if current.rows:
        yield current.partition
