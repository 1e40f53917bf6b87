"""A request's params as `-S` arguments of `dvc exp run`, in the grammar of Hydra's overrides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

# What a key in `-S a.KEY=` can be: no dot, which would make two of it.
KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def overrides(group: str, values: Mapping[str, Any]) -> Iterator[str]:
    """`GROUP.KEY=VALUE` for each value. A mapping replaces what was there, key by key; `null` first takes that away."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield f"++{group}.{key}=null"
        yield f"++{group}.{key}={literal(value)}"


def literal(value: Any) -> str:
    """A JSON value as Hydra writes it; texts in quotes, so that none is taken for a number, a list or a sweep."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(literal, value)) + "]"
    return repr(value)


def _quoted(text: str) -> str:
    # A backslash is one, unless a quote follows it.
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', text)
    return '"' + re.sub(r"(\\+)$", r"\1\1", escaped) + '"'
