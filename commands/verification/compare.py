"""The lock that a rebuild wrote, held against the one that is to be verified: every word of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from commands.verification.pipeline import declared_name
from commands.verification.verdict import Verdict, state_of
from stages.addresses.lock import LOCK
from stages.params.reading import PARAMS
from traces.errors import one_line


def check_rebuilt(entries: dict[str, Any], again: dict[str, Any], asked: list[str], verdict: Verdict) -> None:
    """The entries of the stages that were `asked` for, which are to be verified, are those that rebuilding made."""
    found = {(stage, out["path"]): out["md5"] for stage, entry in again.items() for out in entry.get("outs", ())}
    stages = [stage for stage in {**again, **entries} if declared_name(stage) in asked]
    for output in verdict.outputs:
        if output.stage in stages:
            output.places["rebuilt"] = state_of(output.md5, found.get((output.stage, output.path)))
    for stage in stages:
        if stage not in entries:
            verdict.faults.append(f"{LOCK}: no entry for stage {stage}, which rebuilding has run")
            continue
        held, right = _facts(entries[stage]), _facts(again.get(stage, {}))
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
        | {
            f"param {key}" + ("" if file == str(PARAMS) else f" in {file}"): value
            for file, held in params.items()
            for key, value in held.items()
        }
        | _items(entry.get("deps", ()))
        | _items(entry.get("outs", ()))
        | {key: value for key, value in entry.items() if key not in ("cmd", "params", "deps", "outs")}
    )


def _items(items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Each path with what is said of it; with all of that, where it is there more than once."""
    said: dict[str, Any] = {}
    for item in items:
        hashes = {key: value for key, value in item.items() if key != "path"}
        said[item["path"]] = [said[item["path"]], hashes] if item["path"] in said else hashes
    return said


def _shown(value: Any) -> str:
    return "nothing" if value is None else one_line(json.dumps(value, default=str), 120)
