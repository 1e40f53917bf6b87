"""The dataset in the workspace: its manifest, and whether that is of what the workspace asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from traces.errors import TracesError


def load_manifest() -> dict[str, Any]:
    """data/manifest.json.

    Raises:
        TracesError: there is none.
    """
    path = Path("data/manifest.json")
    try:
        manifest: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        manifest = None
    if not isinstance(manifest, dict) or "dataset_id" not in manifest:
        raise TracesError(f"{path}: missing, or no manifest; `dvc repro` makes it")
    return manifest


def stale_because(manifest: dict[str, Any]) -> str | None:
    """Why the manifest is not of what the workspace asks for and holds, as far as a look can tell; else None."""
    from stages.params.reading import load_params
    from stages.paths import PARQUET
    from traces.pin import load_pin
    from training.formats.columns import METADATA_KEYS

    asked, pin = load_params().model_dump(exclude_none=True), load_pin()
    asked["filters"] = _without_nulls(asked["filters"])
    scores = None if pin.scores is None else pin.scores.facts()
    held = manifest["pin"]
    if (manifest["exported_at"], held["rows"], held["scores"]) != (pin.as_of, pin.rows, scores):
        return "data/snapshot.json was pinned anew since"
    made = {
        "dataset": {"name": manifest["dataset_name"], "version": manifest["dataset_version"]},
        "decontaminate": {**manifest["decontaminate"], "evalsets": [*manifest["decontaminate"]["evalsets"]]},
        "privacy": manifest["privacy"],
        "split": manifest["split"],
        "selection": _with_defaults(manifest["selection"]),
        "filters": _without_nulls(manifest["filters"]),
        "export": {"formats": list(manifest["exports"])},
    }
    preference, columns = asked["export"].pop("preference"), asked["export"].pop("columns")
    if "tunix_grpo" in manifest["exports"]:
        counted = manifest["exports"]["tunix_grpo"].get("columns", {})
        if [key for key in counted if key not in METADATA_KEYS] != columns:
            return "params.yaml asks for other columns of tunix_grpo"
    ranked = _without_nulls(manifest["preference"] or {})
    if ranked and {key: value for key, value in ranked.items() if key != "counts"} != preference:
        return "params.yaml asks for another preference"
    for group, held in made.items():
        if asked[group] != held:
            return f"params.yaml asks for another {group}"
    for name, export in manifest["exports"].items():
        for folder, suffix in ((Path(export["path"]), "jsonl"), (PARQUET / name, "parquet")):
            if len(list(folder.glob(f"[!.]*.{suffix}"))) != sum(export["shards"].values()):
                return f"{folder}/ does not hold its files"
    return None


def _with_defaults(selection: dict[str, Any]) -> dict[str, Any]:
    """The `selection` group as params.yaml has it now: since it was quoted, params may have been added."""
    from pydantic import ValidationError

    from stages.params.models import Selection

    try:
        return Selection.model_validate(selection).model_dump(exclude_none=True)
    except ValidationError:
        return selection


def _without_nulls(group: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in group.items() if value is not None}
