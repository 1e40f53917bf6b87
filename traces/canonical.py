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

_encoder = msgspec.json.Encoder(order="sorted")


def plain_number(text: str) -> msgspec.Raw:
    """A JSON number with a fraction or an exponent, in plain decimal notation.

    Returns raw JSON, which the encoder copies as it is: no float is ever made of it.

    Raises:
        ValueError: the plain form has more than `MAX_DIGITS` digits.
    """
    sign, digits, exponent = Decimal(text).as_tuple()
    if not isinstance(exponent, int):  # NaN and Infinity, which JSON has not
        raise ValueError("not a number")
    if max(len(digits), len(digits) + exponent, -exponent) > MAX_DIGITS:
        raise ValueError(f"a number has more than {MAX_DIGITS} digits")
    whole = "".join(map(str, digits))
    if exponent >= 0:
        plain = whole + "0" * exponent
    else:
        whole = whole.rjust(1 - exponent, "0")
        plain = f"{whole[:exponent]}.{whole[exponent:]}"
    head, dot, tail = plain.partition(".")
    plain = (head.lstrip("0") or "0") + dot + tail
    negative = sign and any(digits)
    return msgspec.Raw(f"-{plain}".encode() if negative else plain.encode())


def encode_canonical(value: Any) -> bytes:
    """The canonical JSON text of `value`, UTF-8.

    `value` is made of dicts with string keys, lists, strings, ints, bools, None and raw JSON numbers.
    """
    return _encoder.encode(value)
