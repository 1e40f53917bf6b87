"""The `filters` group: which traces a dataset is made of, by their metadata.

A value is compared with its type: text equals text, a number a number of the same value. Traces match
where every filter that is not null does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from stages.params.models import FilterValue, Range
from stages.params.values import Scalar
from traces.times import require_us, to_iso

# A float would make 0.1 of 0.1000000000000000055; a Decimal compares exactly with ints and Decimals.
decode_meta = msgspec.json.Decoder(dict[str, Any] | None, float_hook=Decimal).decode

Predicate = Callable[[object], bool]


def compile_filters(filters: Mapping[str, FilterValue]) -> dict[str, Predicate]:
    """A test a key, for the filters that are not null.

    Raises:
        TracesError: a filter on `created_at` is no time.
    """
    return {
        key: _predicate(_as_times(value) if key == "created_at" else value)
        for key, value in filters.items()
        if value is not None
    }


# What filters and groups see of a trace beside its metadata, and before it.
OURS = frozenset({"created_at", "trace_version"})


def ours(created_us: int, trace_version: str) -> dict[str, str]:
    """The values of `OURS`."""
    return {"created_at": to_iso(created_us), "trace_version": trace_version}


def _as_times(wanted: FilterValue) -> FilterValue:
    """The value with its times written as a trace's are: in that form they compare as text."""
    if isinstance(wanted, Range):
        low, high = (None if end is None else _as_time(end) for end in (wanted.min, wanted.max))
        return Range(min=low, max=high)
    return [_as_time(value) for value in wanted] if isinstance(wanted, list) else _as_time(wanted)


def _as_time(value: object) -> str:
    return to_iso(require_us(value, "params.yaml: filters.created_at"))


def _predicate(wanted: FilterValue) -> Predicate:
    if isinstance(wanted, Range):
        return partial(_within, _exact(wanted.min), _exact(wanted.max))
    values = [_exact(value) for value in wanted] if isinstance(wanted, list) else [_exact(wanted)]
    return partial(_equals_any, values)


def _exact(value: Any) -> Any:
    return Decimal(repr(value)) if isinstance(value, float) else value


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | Decimal) else type(value).__name__


def equals(wanted: Scalar, value: object) -> bool:
    """Whether a param and a metadata value are the same, type and all."""
    return _equals_any([_exact(wanted)], value)


def _equals_any(wanted: list[Any], value: object) -> bool:
    return any(_kind(value) == _kind(one) and value == one for one in wanted)


def _within(low: Any, high: Any, value: Any) -> bool:
    ends = [end for end in (low, high) if end is not None]
    if any(_kind(end) != _kind(value) for end in ends) or _kind(value) == "boolean":
        return False
    return (low is None or low <= value) and (high is None or value <= high)
