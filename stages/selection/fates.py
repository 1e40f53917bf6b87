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
    lacking: Counter[str] = field(default_factory=Counter)  # the candidates without a key of `split.group_by`
    set_aside: Counter[str] = field(default_factory=Counter)  # of screened traces, by evaluation set and kind of secret

    def add(self, other: Fates) -> None:
        self.counts += other.counts
        self.keys |= other.keys
        self.matches += other.matches
        self.taken_down |= other.taken_down
        self.strata += other.strata
        self.lacking += other.lacking
        self.set_aside += other.set_aside


def tally(fates: Fates, counts: Counter[str]) -> dict[str, Any]:
    """counts.json. Every valid trace has one fate; `reordered` counts those whose steps the store has in another order.

    `duplicates` counts repeats among the selected; `held_out_prompts` the distinct prompts outside of train, and
    `leaked_prompts` those of them that train has, too; `repeated_prompts` those that several traces of one split have,
    and `contradicting_prompts` those of them whose final answers differ. Both are compared at the level canonical.
    """
    return {
        "valid": fates.counts["valid"],
        "reordered": fates.counts["reordered"],
        **{fate: fates.counts[fate] for fate in EARLY},
        "deduplicated": counts["deduplicated"],
        "over_limit": fates.counts["candidates"] - counts["deduplicated"] - counts["selected"],
        "selected": counts["selected"],
        "duplicates": counts["duplicates"],
        "held_out_prompts": counts["held_out_prompts"],
        "leaked_prompts": counts["leaked_prompts"],
        "repeated_prompts": counts["repeated_prompts"],
        "contradicting_prompts": counts["contradicting_prompts"],
        "splits": {name: counts[name] for name in SPLITS},
    }
