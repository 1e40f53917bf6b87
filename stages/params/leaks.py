"""Secrets of the environment, to be found in params: DVC's -S resolves `${oc.env:NAME}` before a stage runs.

A secret is the value of a variable that is named like one, a URL with a password, or that password. Shorter ones
than `SHORTEST` are none: they stand in any text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

SHORTEST = 8  # characters
_NAMED = re.compile(
    r"(?i)(?:^|_)(?:key|keys|token|tokens|pass|credential|credentials|dsn)(?:_|$)"
    r"|secret|passw|passphrase|apikey|_pwd$"
)


def secrets_of(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """The secrets in an environment, each after the name of its variable, in the order of the names."""
    found = ((name, value) for name in sorted(environment) for value in _values(name, environment[name]))
    return [(name, value) for name, value in found if len(value) >= SHORTEST]


def _values(name: str, value: str) -> Iterator[str]:
    if _NAMED.search(name):
        yield value
    try:
        password = urlsplit(value).password if "://" in value else None
    except ValueError:  # no URL after all
        password = None
    if password:
        yield from (value, password, unquote(password))
