"""Whether datasets hold the same records, in whatever files and order, their keys in whatever order."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="sorted").encode


class Digest(NamedTuple):
    """Of records: how many they are, and the sum of their hashes. A sum, unlike a xor, sees one that is there twice."""

    records: int
    total: int


def digest(folder: Path) -> Digest:
    """Of all records in the .jsonl files of a folder, one at a time."""
    records = total = 0
    for path in folder.rglob("*.jsonl"):
        with path.open("rb") as lines:
            for line in lines:
                canonical = _encode(_decode(line))
                records += 1
                total += int.from_bytes(hashlib.blake2b(canonical, digest_size=16).digest())
    return Digest(records, total % 2**128)


def require_same(folders: Mapping[str, Path]) -> int:
    """The number of records in each of the folders; where they differ, the benchmark ends here."""
    found = {name: digest(folder) for name, folder in folders.items()}
    if len(set(found.values())) > 1:
        lines = [f"  {name}: {held.records} records, digest {held.total:032x}" for name, held in found.items()]
        sys.exit("\n".join(["benchmarks: they made different records, so nothing is compared", *lines]))
    return next(iter(found.values())).records
