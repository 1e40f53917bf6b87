"""`python -m service.lookup`: what the service works with, as JSON on stdout."""

from __future__ import annotations

import json
import platform
from importlib import metadata
from typing import Any

from commands.status import gather
from service.shown import shown_lines
from traces.errors import TracesError

_NAMED = ("trace-datasets", "dvc", "fastapi", "pyarrow", "duckdb")


def main() -> None:
    """Print it."""
    print(json.dumps(look()))


def look() -> dict[str, Any]:
    """The facts of `traces status`, DVC's remotes and the versions; what cannot be asked says why."""
    try:
        facts = gather()
    except TracesError as error:
        facts = without_store(" ".join(shown_lines(str(error))))
    else:
        store, pin = facts["store"], facts["pin"]
        facts["store"] = {"available": True, **{key: store[key] for key in ("kind", "rows", "games")}}
        facts["pin"] = {key: pin.get(key) for key in ("state", "as_of", "rows", "behind")}
        facts["pin"]["why"] = " ".join(shown_lines(pin.get("why") or "")) or None
    parts = {name: {"available": facts[name]["version"] is not None, **facts[name]} for name in ("ungar", "tunix")}
    return {
        "store": facts["store"],
        "pin": facts["pin"],
        **parts,
        "remotes": remotes(),
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in _NAMED},
    }


def without_store(why: str) -> dict[str, Any]:
    """The facts where the store cannot be read."""
    from commands.status import installed

    return {"store": {"available": False, "error": why}, "pin": {"state": "unknown"}, **installed()}


def remotes() -> list[dict[str, Any]]:
    """DVC's remotes, without their addresses."""
    from dvc.config import Config

    held = Config.from_cwd()
    default = held["core"].get("remote")
    return [
        {
            "name": name,
            "kind": remote.get("url", "").partition("://")[0] if "://" in remote.get("url", "") else "folder",
            "default": name == default,
        }
        for name, remote in held["remote"].items()
    ]


if __name__ == "__main__":
    main()
