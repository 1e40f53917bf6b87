"""128-bit keys as two unsigned halves: DuckDB holds and compares them in a quarter of the memory of their hex text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

HALF = pa.uint64()
HalfArray = npt.NDArray[np.uint64]


def halves(hex_texts: Sequence[str]) -> tuple[HalfArray, HalfArray]:
    """The first 128 bits of hashes, or all of ids without hyphens. Their order is that of the texts."""
    return _pairs("".join([text[:32] for text in hex_texts]))


def id_halves(trace_ids: Sequence[str]) -> tuple[HalfArray, HalfArray]:
    """Traces' ids, in normal form, as keys."""
    return _pairs("".join(trace_ids).replace("-", ""))


def text_halves(text: str) -> tuple[int, int]:
    """A key that stands for any text: 128 bits of its sha256."""
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big")


def _pairs(digits: str) -> tuple[HalfArray, HalfArray]:
    pairs = np.frombuffer(bytes.fromhex(digits), ">u8").reshape(-1, 2).astype(np.uint64)
    return pairs[:, 0], pairs[:, 1]


def id_text(high: int, low: int) -> str:
    """The id that `id_halves` made a key of."""
    digits = f"{high:016x}{low:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
