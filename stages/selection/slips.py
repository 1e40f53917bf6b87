"""Params of `select` that are slips, since they choose nothing, and are refused in one line."""

from __future__ import annotations

from collections import Counter

from stages.params.models import PROMPT, Params, Range, Split
from stages.selection.fates import EARLY, Fates
from stages.selection.filters import OURS, compile_filters
from stages.selection.screen import tellable
from traces.errors import TracesError, one_line


def require_keys(params: Params, fates: Fates) -> None:
    """Refuse a filter or a group by a key that no trace has: it is a slip, and would select or group nothing.

    Raises:
        TracesError: there is one.
    """
    keys = fates.keys | OURS
    grouped = keys | {PROMPT}
    known = one_line(", ".join(tellable(sorted(keys), params)), 400)
    for where, by, there in (
        ("split.group_by", params.split.group_by, grouped),
        ("selection.stratify.by", params.selection.stratify.by, keys),
    ):
        for key in by:
            if key not in there:
                raise TracesError(
                    f"params.yaml: {where}: no trace has the metadata key {key}; take it out; there are {known}"
                )
    for key in compile_filters(params.filters):
        if key not in keys:
            raise TracesError(f"params.yaml: filters.{key}: no trace has this metadata key; there are {known}")
        if not fates.matches[key]:
            value = params.filters[key]
            shown = value.model_dump(exclude_none=True) if isinstance(value, Range) else value
            raise TracesError(
                f"params.yaml: filters.{key}: {shown!r} matches none of {fates.counts['valid']} traces; text matches "
                "text, a number also text that spells it, null takes any"
            )


def require_some(fates: Fates, left: int) -> None:
    """Refuse an empty selection.

    Raises:
        TracesError: nothing is left; the message says where it went.
    """
    if not left:
        went = ", ".join(f"{fates.counts[fate]} {fate.replace('_', ' ')}" for fate in EARLY if fates.counts[fate])
        raise TracesError(
            f"no trace is left of {fates.counts['valid']}: {went}; loosen `filters` or `selection` in params.yaml"
        )


def require_quotas(params: Params, fates: Fates) -> None:
    """Refuse a quota of what no candidate is: it is a slip.

    Raises:
        TracesError: there is one.
    """
    stratify = params.selection.stratify
    for value in stratify.quotas or {}:
        if not fates.strata[value]:
            raise TracesError(
                f"params.yaml: selection.stratify.quotas.{one_line(value, 80)}: none of {fates.counts['candidates']} "
                f"traces has this {stratify.by[0]}; take it out, or loosen `filters`"
            )


def require_splits(split: Split, counts: Counter[str]) -> None:
    """Refuse an empty split that was asked for.

    Raises:
        TracesError: there is one.
    """
    for name in split.asked:
        if not counts[name]:
            raise TracesError(
                f"split {name} is empty, {counts['selected']} traces are selected; "
                "change the fractions under `split`, select more, or group by other keys"
            )
