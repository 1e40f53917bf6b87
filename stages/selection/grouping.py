"""What a person should know of how traces were grouped into splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from stages.params.models import Split
from stages.selection.choice import LargeGroup
from stages.selection.fates import Fates


def grouping_notes(split: Split, fates: Fates, counts: Counter[str], large: LargeGroup | None) -> Iterator[str]:
    """A line for each of: keys that traces lack, a group that is large, prompts that are held out and in train."""
    if split.asked == ["train"]:
        return
    for key in split.group_by:
        if fates.lacking[key]:
            yield (
                f"params.yaml: split.group_by: {fates.lacking[key]:,} of {fates.counts['candidates']:,} traces "
                f"have no {key}; their prompt stands in for it"
            )
    if large is not None:
        by = ", ".join(split.group_by) or "prompt"
        yield (
            f"params.yaml: split.group_by: {large.traces:,} of {counts['selected']:,} traces are one group by {by}, "
            f"such as {large.first}, and one split has all of them; group by more keys"
        )
    if counts["leaked_prompts"]:
        yield (
            f"{counts['leaked_prompts']:,} of {counts['held_out_prompts']:,} prompts outside of train are in train, "
            "too; split.group_by: [prompt] keeps each prompt in one split"
        )
