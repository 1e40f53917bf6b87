"""Splits by keyed hash: what belongs together stays on one side, in any order and on any machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from decimal import Context, Decimal
from json.encoder import encode_basestring
from typing import Any

from stages.params.models import Split
from traces.canonical import MAX_DIGITS

# As many digits as a canonical number may have, so that none is rounded.
_EXACT = Context(prec=MAX_DIGITS)
_dump = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode
# What `_dump` makes of the commonest values, without its cost.
_WRITERS: dict[type, Callable[[Any], str]] = {str: encode_basestring, int: repr}


def keyed_hash(key: str, value: str) -> int:
    """64 bits that look random and depend on nothing but `key` and `value`."""
    digest = hashlib.blake2b(f"{key}\0{value}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def split_of(trace_id: str, meta: dict[str, Any], split: Split) -> str:
    """The split of a trace: by its group where it has one of the group's keys, else by its id.

    It depends on no seed and no other trace: a trace stays on its side whatever else is selected.
    """
    group = group_of(meta, split)
    share = keyed_hash("split", trace_id if group is None else group) / 2**64
    if share < split.test:
        return "test"
    return "validation" if share < split.test + split.validation else "train"


def group_of(meta: dict[str, Any], split: Split) -> str | None:
    """What a trace shares with those that must stay on its side; None where it stands alone."""
    values = [meta.get(key) for key in split.group_by]
    if values.count(None) == len(values) and not any(key in meta for key in split.group_by):
        return None
    return texts_of(values)


def texts_of(values: list[Any]) -> str:
    """Values as one text, the same where they are equal."""
    return f"[{', '.join([_WRITERS.get(type(value), _write)(value) for value in values])}]"


def text_of(value: Any) -> str:
    """A value as text, the same where they are equal; text is itself."""
    plain = _plain(value)
    return plain if isinstance(plain, str) else _dump(plain)


def _write(value: Any) -> str:
    return _dump(_plain(value))


def _plain(value: Any) -> Any:
    """The value with numbers written alike where they are equal: 1, 1.0 and 1.00 as 1, 1.5 and 1.50 as 1.5."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else f"{value.normalize(_EXACT):f}"
    return value
