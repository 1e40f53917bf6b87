"""Strata: the traces that are equal in some metadata keys, and how many of each are wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from stages.params.models import Stratify
from traces.values import comparable, text_of, texts_of

MAX_NAME = 100  # characters; a longer name is cut, and its hash says the rest
MAX_NAMES = 100  # strata counted by name: there may be as many as traces


def stratum_of(meta: Mapping[str, Any], by: list[str]) -> str:
    """The name of a trace's stratum: its value of the one key as text, or of several keys as JSON.

    What a trace lacks is null. Values that are equal as traces/values.py compares them are one stratum.
    """
    values = [comparable(meta.get(key)) for key in by]
    name = text_of(values[0]) if len(values) == 1 else texts_of(values)
    if len(name) <= MAX_NAME:
        return name
    return f"{name[:MAX_NAME]}…{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def count_strata(database: Any, stratify: Stratify, selected: int) -> dict[str, int]:
    """The chosen traces by stratum in the order of names, the smallest strata together where there are many."""
    most = max(MAX_NAMES, len(stratify.quotas or {}))
    counts = "SELECT stratum, count(*) AS traces FROM chosen GROUP BY stratum ORDER BY traces DESC, stratum LIMIT $most"
    named: dict[str, int] = dict(database.execute(counts, {"most": most}).fetchall())
    others = selected - sum(named.values())
    return dict(sorted(named.items())) | ({"(others)": others} if others else {})


def shortages(stratify: Stratify, strata: Mapping[str, int]) -> list[str]:
    """What there is less of than its quota asks for, a line each."""
    found = ((value, quota, strata.get(value, 0)) for value, quota in (stratify.quotas or {}).items())
    return [
        f"params.yaml: selection.stratify.quotas.{value}: {quota} traces asked for, {count} there are"
        for value, quota, count in found
        if count < quota
    ]
