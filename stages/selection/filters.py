"""The `filters` group: which traces a dataset is made of, by their metadata.

A number matches each value that is equal as a number, also a text that spells it: 7 matches 7, 7.0, "7" and "7.0". A
text matches the same text only, at the level canonical: "7" does not match 7. true and false match themselves. A range
of dates or times compares times, and its last day is included as a whole. A trace is taken if it matches every filter
that is not null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from stages.params.models import FilterValue, Range
from stages.params.values import Scalar
from traces.texts import canonical
from traces.times import FIRST_US, LAST_US, parse_span, parse_us, require_span, to_iso
from traces.values import comparable, number_of

# A float would make 0.1 of 0.1000000000000000055; a Decimal compares exactly with ints and Decimals.
decode_meta = msgspec.json.Decoder(dict[str, Any] | None, float_hook=Decimal).decode

_DATED = re.compile(r"\s*\d{4}-\d{2}-\d{2}(?P<only>\s*\Z)?", re.ASCII)

Predicate = Callable[[object], bool]


def compile_filters(filters: Mapping[str, FilterValue]) -> dict[str, Predicate]:
    """A test a key, for the filters that are not null.

    Raises:
        TracesError: a filter on `created_at` is no time, or the end of another range is a date that no calendar has.
    """
    return {
        key: _created(value) if key == "created_at" else _predicate(value, f"params.yaml: filters.{key}")
        for key, value in filters.items()
        if value is not None
    }


# What filters and groups see of a trace beside its metadata, and before it.
OURS = frozenset({"created_at", "trace_version"})


def ours(created_us: int, trace_version: str) -> dict[str, str]:
    """The values of `OURS`."""
    return {"created_at": to_iso(created_us), "trace_version": trace_version}


def _predicate(wanted: FilterValue, where: str) -> Predicate:
    if isinstance(wanted, Range):
        ends = [end for end in (wanted.min, wanted.max) if end is not None]
        if all(map(_is_dated, ends)):
            return partial(_within_times, *_ends(wanted, where))
        return partial(_within, _exact(wanted.min), _exact(wanted.max))
    return partial(_equals_any, [_exact(value) for value in (wanted if isinstance(wanted, list) else [wanted])])


def _is_dated(end: Scalar) -> bool:
    """Whether an end of a range is a date or a time. 2026-02 is none, and compares as text; 2026-02-31 is refused."""
    dated = _DATED.match(end) if isinstance(end, str) else None
    return dated is not None and (dated["only"] is not None or parse_span(end) is not None)


def _created(wanted: FilterValue) -> Predicate:
    """A test of `created_at`, whose values are times: a date means any time of its day."""
    where = "params.yaml: filters.created_at"
    if isinstance(wanted, Range):
        spans = [_ends(wanted, where)]
    else:
        spans = [require_span(value, where) for value in (wanted if isinstance(wanted, list) else [wanted])]
    # As `ours` writes times, which compare as text.
    return partial(_in_spans, [(to_iso(first), to_iso(last)) for first, last in spans])


def _ends(wanted: Range, where: str) -> tuple[int, int]:
    """The first and the last microsecond of a range of times. A date as its end includes the whole day."""
    first = FIRST_US if wanted.min is None else require_span(wanted.min, where)[0]
    return first, LAST_US if wanted.max is None else require_span(wanted.max, where)[1]


def _in_spans(spans: list[tuple[str, str]], value: Any) -> bool:
    return any(first <= value <= last for first, last in spans)


def _within_times(first: int, last: int, value: object) -> bool:
    us = parse_us(value)
    return us is not None and first <= us <= last


def _exact(value: Any) -> Any:
    """A param as values are compared with it: a text stays one, also if it spells a number."""
    return canonical(value) if isinstance(value, str) else comparable(value)


def equals(wanted: Scalar, value: object) -> bool:
    """Whether a metadata value is what a param names."""
    return _equals_any([_exact(wanted)], value)


def _equals_any(wanted: list[Any], value: object) -> bool:
    return any(_like(one, value) == one for one in wanted)


def _like(wanted: object, value: object) -> object:
    """The value as something of the kind of `wanted`: true or false, a text, or a number. None if it is none."""
    if isinstance(wanted, bool):
        return value if isinstance(value, bool) else None
    if isinstance(wanted, str):
        return canonical(value) if isinstance(value, str) else None
    return number_of(value)


def _within(low: Any, high: Any, value: Any) -> bool:
    for end, sign in ((low, 1), (high, -1)):
        if end is None:
            continue
        found: Any = _like(end, value)
        if found is None or (found < end if sign > 0 else found > end):
            return False
    return True
