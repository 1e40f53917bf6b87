"""The lock that a rebuild wrote, held against the one that is to be verified: every word of it."""

from __future__ import annotations

import json
from typing import Any

from commands.verification.verdict import Verdict, state_of
from stages.lock import LOCK
from traces.errors import one_line


def check_rebuilt(entries: dict[str, Any], again: dict[str, Any], asked: list[str], verdict: Verdict) -> None:
    """The entries of the stages that were `asked` for, which are to be verified, are those that rebuilding made."""
    found = {(stage, out["path"]): out["md5"] for stage, entry in again.items() for out in entry["outs"]}
    for output in verdict.outputs:
        if output.stage in asked:
            output.places["rebuilt"] = state_of(output.md5, found.get((output.stage, output.path)))
    for stage in asked:
        held, right = _facts(entries.get(stage, {})), _facts(again.get(stage, {}))
        for what in {**right, **held}:
            if held.get(what) != right.get(what):
                said, made = _shown(held.get(what)), _shown(right.get(what))
                verdict.faults.append(f"{what} of stage {stage}: rebuilding gives {made}, {LOCK} says {said}")
    verdict.rebuilt = asked


def _facts(entry: dict[str, Any]) -> dict[str, Any]:
    """All that an entry says, by what it is said of."""
    params = entry.get("params", {})
    return (
        ({"the command": entry["cmd"]} if "cmd" in entry else {})
        | {f"param {key}": value for held in params.values() for key, value in held.items()}
        | {item["path"]: _hashes(item) for item in entry.get("deps", ())}
        | {item["path"]: _hashes(item) for item in entry.get("outs", ())}
    )


def _hashes(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "path"}


def _shown(value: Any) -> str:
    return "nothing" if value is None else one_line(json.dumps(value, default=str), 120)
