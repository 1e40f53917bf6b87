"""A request's params as `-S` arguments of `dvc exp run`, in the grammar of Hydra's overrides."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

ARGUMENT_BYTES = 100_000  # the kernel takes 128 KiB of one argument, its name and the escapes among them
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
        return "{" + ",".join(f"{_escaped(key)}:{literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(literal, value)) + "]"
    return repr(value)


def comes_through(key: str) -> bool:
    """Whether a key of a mapping is the same, as text, when Hydra has read it: it cannot be put in quotes."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        (read,) = OverridesParser.create().parse_overrides([f"a={literal({key: 1})}"])
    except HydraException:
        return False
    held = read.value()
    return isinstance(held, dict) and [name if isinstance(name, str) else json.dumps(name) for name in held] == [key]


def _escaped(key: str) -> str:
    return re.sub(r"([\\()\[\]{}:=,])", r"\\\1", key)


def _quoted(text: str) -> str:
    # A backslash is one, unless a quote follows it.
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', text)
    return '"' + re.sub(r"(\\+)$", r"\1\1", escaped) + '"'
