"""How values of metadata are compared, and written as text that is the same for equal values.

Numbers are equal by their value: 7, 7.0 and 7.00 are. A text that spells a number in plain digits ("7", "7.0") is that
number, since CSV files and pandas write numbers so; "007", "1e3" and "1,000" are texts. Other texts are compared at the
level canonical of traces/texts.py. true, false and null equal nothing but themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Context, Decimal
from json.encoder import encode_basestring
from typing import Any

from traces.canonical import MAX_DIGITS
from traces.texts import canonical

# As many digits as a canonical number may have, so that none is rounded.
_EXACT = Context(prec=MAX_DIGITS)
# Without an exponent or leading zeros: `007` is a name.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,99})(?:\.[0-9]{1,99})?")
# Texts that are canonical and spell no number, as most are: a quick look.
_WORD = re.compile(r"[A-Za-z_][!-~]*")
_dump = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode
# What `_dump` makes of the commonest values, without its cost.
_WRITERS: dict[type, Callable[[Any], str]] = {str: encode_basestring, int: repr}


def number_of(value: object) -> int | Decimal | None:
    """The number that a value is or, as a text, spells; None for any other value, true and false among them."""
    found = comparable(value)
    return found if isinstance(found, int | Decimal) and not isinstance(found, bool) else None


def comparable(value: Any) -> Any:
    """The value in a form that is equal for equal values. A float of params stands for the number as it is written."""
    if isinstance(value, str):
        if _WORD.fullmatch(value):
            return value
        text = canonical(value)
        return Decimal(text) if _NUMBER.fullmatch(text) else text
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {canonical(key): comparable(item) for key, item in value.items()}
    return [comparable(item) for item in value] if isinstance(value, list) else value


def texts_of(values: list[Any]) -> str:
    """Values as one text, the same for equal values."""
    return f"[{', '.join([_WRITERS.get(type(value), _write)(value) for value in values])}]"


def text_of(value: Any) -> str:
    """A value as text, the same for equal values; text is itself."""
    plain = _plain(value)
    return plain if isinstance(plain, str) else _dump(plain)


def _write(value: Any) -> str:
    return _dump(_plain(value))


def _plain(value: Any) -> Any:
    """The value with numbers written alike if they are equal: 1, 1.0 and 1.00 as 1, 1.5 and 1.50 as 1.5."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else f"{value.normalize(_EXACT):f}"
    return value
