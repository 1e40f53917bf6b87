"""Why two versions differ, as far as their locks tell: params, the pin, exclusions, code."""

from __future__ import annotations

import json
from typing import Any

from commands.versions import Version
from stages.addresses.lock import quoted_hashes
from stages.manifest import QUOTED
from stages.selection.evalsets import EVALSETS
from stages.selection.exclusions import EXCLUSIONS
from traces.errors import one_line
from traces.pin import SNAPSHOT
from traces.recordings import RECORDED

_INPUTS = {
    SNAPSHOT.as_posix(): "another pin of the store",
    RECORDED.as_posix(): "other recordings",
    EXCLUSIONS.as_posix(): "other exclusions",
    EVALSETS.as_posix(): "other evaluation sets",
}


def reasons(before: Version, after: Version) -> list[str]:
    """What differs in the locks of all that an export is made from, a line each; none where nothing does."""
    old, new = (_params(version) for version in (before, after))
    lines = [
        f"{key}: {_shown(old.get(key))} -> {_shown(new.get(key))}"
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    ]
    was, now = (_inputs(version) for version in (before, after))
    changed = [path for path in sorted({**was, **now}) if was.get(path) != now.get(path)]
    lines += [f"{path}: {_INPUTS[path]}" for path in changed if path in _INPUTS]
    code = [path for path in changed if path not in _INPUTS]
    if code:
        more = f" and {len(code) - 5} more" if len(code) > 5 else ""
        lines.append(f"code: {', '.join(code[:5])}{more}")
    return lines


def _entries(version: Version) -> dict[str, Any]:
    held = version.entries or {}
    return {stage: held[stage] for stage in QUOTED if stage in held}


def _params(version: Version) -> dict[str, Any]:
    """The params of the stages up to the exports, groups taken apart: `filters.game`."""
    found: dict[str, Any] = {}
    for entry in _entries(version).values():
        for held in entry.get("params", {}).values():
            for key, value in held.items():
                found |= _flat(key, value)
    return found


def _flat(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {key: value}
    return {path: leaf for name, inner in value.items() for path, leaf in _flat(f"{key}.{name}", inner).items()}


def _inputs(version: Version) -> dict[str, str]:
    """What no stage made and stages read, by path, with its hash."""
    made = version.outputs
    return {path: " ".join(sorted(md5s)) for path, md5s in quoted_hashes(_entries(version)).items() if path not in made}


def _shown(value: Any) -> str:
    return one_line(json.dumps(value, default=str, ensure_ascii=False), 80)
