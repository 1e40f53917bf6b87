"""Where every stored trace went: how many reached each point of the pipeline, and what was lost after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stages.selection.fates import EARLY, SCREENED_OUT
from stages.selection.measures import UNFIT

# Reasons that are said of every dataset, also where they took nothing; the others are for what few ask for.
_SELDOM = (*UNFIT, "unlisted", *SCREENED_OUT)
_LOSSES = (
    ("stored", ("quarantined",)),
    ("valid", EARLY),
    ("candidates", ("deduplicated", "over_limit")),
)


@dataclass(frozen=True)
class Reach:
    """So many traces came this far, and of them so many went no further, by reason."""

    name: str
    count: int
    lost: dict[str, int]


def flow_of(counts: Mapping[str, int]) -> list[Reach]:
    """The points that traces reach, by the manifest's `counts`: the last are the selected ones."""
    reached, left = [], counts["read"]
    for name, reasons in _LOSSES:
        lost = {
            reason.replace("_", " "): counts[reason] for reason in reasons if counts[reason] or reason not in _SELDOM
        }
        reached.append(Reach(name, left, lost))
        left -= sum(lost.values())
    return [*reached, Reach("selected", left, {})]
