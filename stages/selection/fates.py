"""What became of each trace in `select`: a candidate, or why it is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from stages.paths import SPLITS
from stages.selection.measures import UNFIT

# The fates of traces that are no candidates, in the order in which they are looked at.
SCREENED_OUT = ("contaminated", "sensitive")
EARLY = ("filtered", "excluded", "rejected", *UNFIT, "unlisted", *SCREENED_OUT)


@dataclass
class Fates:
    """How many traces were read, and why those that are no candidates are none."""

    counts: Counter[str] = field(default_factory=Counter)
    keys: set[str] = field(default_factory=set)
    matches: Counter[str] = field(default_factory=Counter)
    taken_down: set[str] = field(default_factory=set)  # what of the takedown list was found
    strata: Counter[str] = field(default_factory=Counter)  # the candidates of those that have a quota
    set_aside: Counter[str] = field(default_factory=Counter)  # of screened traces, by evaluation set and kind of secret

    def add(self, other: Fates) -> None:
        self.counts += other.counts
        self.keys |= other.keys
        self.matches += other.matches
        self.taken_down |= other.taken_down
        self.strata += other.strata
        self.set_aside += other.set_aside


def tally(fates: Fates, counts: Counter[str]) -> dict[str, Any]:
    """counts.json. Every valid trace has one fate; `duplicates` counts repeats among the selected."""
    return {
        "valid": fates.counts["valid"],
        **{fate: fates.counts[fate] for fate in EARLY},
        "deduplicated": counts["deduplicated"],
        "over_limit": fates.counts["candidates"] - counts["deduplicated"] - counts["selected"],
        "selected": counts["selected"],
        "duplicates": counts["duplicates"],
        "splits": {name: counts[name] for name in SPLITS},
    }
