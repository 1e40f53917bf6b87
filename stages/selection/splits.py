"""Splits by keyed hash: what belongs together stays on one side, in any order and on any machine."""

from __future__ import annotations

import hashlib
from typing import Any

from stages.params.models import PROMPT, Split
from traces.texts import is_blank
from traces.values import comparable, texts_of


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


def lacks(meta: dict[str, Any], key: str) -> bool:
    """Whether a trace has no value of a key: null and a text that shows nothing, as CSV files have it, are none."""
    value = meta.get(key)
    return value is None or (isinstance(value, str) and is_blank(value))


def group_key(meta: dict[str, Any], prompt_key: int, split: Split) -> int:
    """64 bits that a trace shares with those that must stay on its side.

    They are equal in the values of `split.group_by`, or without any in their prompts. A prompt stands in for values
    that its trace lacks: a source without such keys must not fall into one split as a whole.
    """
    keys = split.group_by or [PROMPT]
    prompt = f"{prompt_key:016x}"
    values = [prompt if key == PROMPT else None if lacks(meta, key) else comparable(meta[key]) for key in keys]
    if None in values and PROMPT not in keys:
        values.append(prompt)
    return keyed_hash("split", texts_of(values))
