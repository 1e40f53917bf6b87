"""What ranks the traces of one prompt, where no score does: a metadata key such as the game's result."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from stages.params.models import Preference
from stages.selection.filters import equals
from traces.values import number_of


def rank_of(preference: Preference, meta: Mapping[str, Any]) -> float | None:
    """The trace's rank, the higher the better; None where it has none."""
    value = None if preference.key is None else meta.get(preference.key)
    if preference.order is not None:
        places = (place for place, wanted in enumerate(preference.order) if equals(wanted, value))
        return next(places, None)
    number = number_of(value)
    # Decimal also of a whole number: one with no room in a float is infinite then, not an error.
    return None if number is None else float(Decimal(number))
