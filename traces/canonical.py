"""Canonical JSON: one text for one value, whichever store the value came from.

Keys are sorted, the last of duplicate keys wins, nothing is escaped that need not be, and a number is
written in plain decimal notation with its digits kept (1.50 stays, 1e3 becomes 1000, -0 becomes 0):
what PostgreSQL's `jsonb` would print for it, so that `json`, `jsonb` and SQLite give the same bytes.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

# CPython refuses to convert longer integers from text (sys.int_info.default_max_str_digits), and so
# does msgspec; fractions and exponents get the same bound, so that 1e4300 and its expansion agree.
MAX_DIGITS = 4300
_TOO_LONG = f"a number has more than {MAX_DIGITS} digits"

_encoder = msgspec.json.Encoder(order="sorted")


def plain_number(text: str) -> msgspec.Raw:
    """A JSON number with a fraction or an exponent, in plain decimal notation.

    Returns raw JSON, which the encoder copies as it is: no float is ever made of it.

    Raises:
        ValueError: the plain form has more than `MAX_DIGITS` digits.
    """
    if "e" in text or "E" in text:
        text = _expanded(text)
    # Msgspec counts a whole number's sign as one, and so do we: what an exponent spelled, it must read again.
    if len(text) > MAX_DIGITS and ("." not in text or sum(map(text.count, "0123456789")) > MAX_DIGITS):
        raise ValueError(_TOO_LONG)
    # Of a zero there is no negative; JSON's grammar has seen to the rest.
    return msgspec.Raw((text if text.strip("-.0") else text.lstrip("-")).encode())


def _expanded(text: str) -> str:
    """A number with an exponent, without it."""
    exponent = text.lower().partition("e")[2]
    # A bound on the exponent before it is one on the length: 1e999999999 must never be written out.
    if len(exponent.lstrip("+-0")) > len(str(MAX_DIGITS)) or abs(int(exponent)) > 2 * MAX_DIGITS + len(text):
        raise ValueError(_TOO_LONG)
    return f"{Decimal(text):f}"


def encode_canonical(value: Any) -> bytes:
    """The canonical JSON text of `value`, UTF-8.

    `value` is made of dicts with string keys, lists, strings, ints, bools, None and raw JSON numbers.
    """
    return _encoder.encode(value)
