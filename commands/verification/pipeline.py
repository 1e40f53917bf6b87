"""dvc.yaml as far as a verification goes by it: which stages there are, and what Git keeps of their outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stages.yaml_file import read_yaml
from traces.errors import TracesError, WrongUse, one_line

PIPELINE = Path("dvc.yaml")


def load_stages(where: str) -> dict[str, dict[str, Any]]:
    """The stages of dvc.yaml in the working directory, in its order; an error names `where` that is.

    Raises:
        TracesError: it has none.
    """
    held = read_yaml(PIPELINE)
    stages = held.get("stages") if isinstance(held, dict) else None
    if not isinstance(stages, dict) or not stages or not all(isinstance(stage, dict) for stage in stages.values()):
        raise TracesError(f"{PIPELINE}{where}: has no stages; `git checkout {PIPELINE}` restores it")
    return stages


def declared_name(stage: str) -> str:
    """What dvc.yaml calls a stage of the lock: `train` for `train@gemma`, which `foreach` or `matrix` made."""
    return stage.partition("@")[0]


def asked_stages(stages: dict[str, dict[str, Any]], until: str | None) -> list[str]:
    """The stages that are to be verified: `until` and those before it, in the order of dvc.yaml; else all.

    Raises:
        WrongUse: there is no such stage.
    """
    names = list(stages)
    if until is None:
        return names
    if until not in names:
        raise WrongUse(f"--until {one_line(until, 60)}: no stage of {PIPELINE}; one of {', '.join(names)}")
    return names[: names.index(until) + 1]


def uncached(stages: dict[str, dict[str, Any]]) -> set[str]:
    """The outputs that Git keeps and DVC's cache does not."""
    entries = [stage.get(kind, []) for stage in stages.values() for kind in ("outs", "metrics", "plots")]
    return {
        path
        for items in entries
        for item in items
        if isinstance(item, dict)
        for path, options in item.items()
        if options.get("cache") is False
    }
