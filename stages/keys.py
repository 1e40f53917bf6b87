"""128-bit keys as two unsigned halves: DuckDB holds and compares them in a quarter of the memory of their hex text."""

from __future__ import annotations

import pyarrow as pa

HALF = pa.uint64()


def halves(hex_text: str) -> tuple[int, int]:
    """The first 128 bits of a hash, or all of an id without hyphens. Their order is that of the text."""
    return int(hex_text[:16], 16), int(hex_text[16:32], 16)


def id_halves(trace_id: str) -> tuple[int, int]:
    """A trace's id, in normal form, as a key."""
    return halves(trace_id.replace("-", ""))


def id_text(high: int, low: int) -> str:
    """The id that `id_halves` made a key of."""
    digits = f"{high:016x}{low:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
