"""Splits by keyed hash: what belongs together stays on one side, in any order and on any machine."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from decimal import Context, Decimal
from json.encoder import encode_basestring
from typing import Any

from stages.params.models import PROMPT, Split
from traces.canonical import MAX_DIGITS
from traces.texts import canonical

# As many digits as a canonical number may have, so that none is rounded.
_EXACT = Context(prec=MAX_DIGITS)
# Without an exponent or leading zeros: `007` is a name.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,99})(?:\.[0-9]{1,99})?")
_dump = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode
# What `_dump` makes of the commonest values, without its cost.
_WRITERS: dict[type, Callable[[Any], str]] = {str: encode_basestring, int: repr}


def keyed_hash(key: str, value: str) -> int:
    """64 bits that look random and depend on nothing but `key` and `value`."""
    digest = hashlib.blake2b(f"{key}\0{value}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def split_of(group: int, split: Split) -> str:
    """The split of a group, by its `group_key`.

    It depends on no seed and no other group: a trace stays on its side whatever else is selected.
    """
    share = group / 2**64
    if share < split.test:
        return "test"
    return "validation" if share < split.test + split.validation else "train"


def group_key(meta: dict[str, Any], prompt_key: int, split: Split) -> int:
    """64 bits that a trace shares with those that must stay on its side.

    They are equal in the values of `split.group_by`, or without any in their prompts. A prompt stands in for values
    that its trace lacks: a source without such keys must not fall into one split as a whole.
    """
    keys = split.group_by or [PROMPT]
    values = [f"{prompt_key:016x}" if key == PROMPT else _comparable(meta.get(key)) for key in keys]
    if None in values and PROMPT not in keys:
        values.append(f"{prompt_key:016x}")
    return keyed_hash("split", texts_of(values))


def _comparable(value: Any) -> Any:
    """The value as groups compare it: a text that spells a number as that number, another at the level canonical."""
    if isinstance(value, str):
        text = canonical(value)
        return Decimal(text) if _NUMBER.fullmatch(text) else text
    if isinstance(value, dict):
        return {canonical(key): _comparable(item) for key, item in value.items()}
    return [_comparable(item) for item in value] if isinstance(value, list) else value


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
