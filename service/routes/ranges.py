"""`Range` and the conditional headers of HTTP, as RFC 9110 has them, for one range of bytes."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)


class UnsatisfiableError(Exception):
    """No byte of the content is in the range."""


def range_of(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last of what is asked for; None for all of it, also where several are.

    Raises:
        UnsatisfiableError: it is past the end.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        last = int(match[2])
        if last == 0 or size == 0:
            raise UnsatisfiableError
        return max(0, size - last), size
    first = int(match[1])
    end = min(int(match[2]) + 1, size) if match[2] else size
    if match[2] and int(match[2]) < first:
        return None
    if first >= size:
        raise UnsatisfiableError
    return first, end


def names_tag(header: str | None, tag: str) -> bool:
    """Whether `If-None-Match` names an entity tag."""
    if header is None:
        return False
    return header.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in header.split(",")]
