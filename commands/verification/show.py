"""A verdict for people, as a table, or for scripts, as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from commands.options import counted
from commands.verification.verdict import PLACES, Verdict
from traces.errors import one_line

_HASH_DIGITS = 12


def show(verdict: Verdict, *, as_json: bool) -> None:
    """Print the verdict on stdout."""
    if as_json:
        print(json.dumps(_facts(verdict), indent=2, ensure_ascii=False))
        return
    head = ("stage", "output", "dvc.lock", *PLACES)
    rows = [
        (
            one_line(output.stage),
            one_line(output.path),
            output.md5[:_HASH_DIGITS],
            *(output.places[place] or "-" for place in PLACES),
        )
        for output in verdict.outputs
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    print()
    for fault in verdict.faults:
        print(f"  {one_line(fault, 2000)}")
    print(_conclusion(verdict))


def _facts(verdict: Verdict) -> dict[str, Any]:
    """The verdict as one object: what was not looked at is null, and so is `verified` where nothing was rebuilt."""
    proven = verdict.sound if verdict.rebuilt or not verdict.sound else None
    facts = {"verified": proven, **asdict(verdict)}
    for output in facts["outputs"]:
        output["places"] = {place: state or None for place, state in output["places"].items()}
    return facts


def _conclusion(verdict: Verdict) -> str:
    commit = verdict.commit[:_HASH_DIGITS]
    if not verdict.sound:
        return f"not verified: {counted(len(verdict.faults), 'fault')}, named above"
    if not verdict.rebuilt:
        return f"{verdict.dataset_id}: what is here has the hashes of dvc.lock and the manifest; nothing was rebuilt"
    stages = counted(len(verdict.rebuilt), "stage")
    return f"verified: {verdict.dataset_id} is what commit {commit} makes of its pinned inputs, {stages} rebuilt"
