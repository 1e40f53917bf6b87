"""What the figures were measured on, and with."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import psycopg

from benchmarks.measure import ROOT
from commands.repository import changes_since

SERVING = ("uvicorn", "uvloop", "httptools", "fastapi", "starlette")
PACKAGES = ("dvc", "duckdb", "pyarrow", "msgspec", "jsonschema-rs", "datasets", "jsonschema", "SQLAlchemy", "pydantic")


def machine() -> dict[str, str]:
    """The machine in a few words."""
    model = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {
        "CPU": model[1] if model else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(memory[1]) / 1024**2:.0f} GiB" if memory else "unknown",
        "kernel": f"{platform.system()} {platform.release()}",
    }


def versions(url: str) -> dict[str, str]:
    """The versions of Python, of the server at `url`, and of the packages that do the work."""
    with psycopg.connect(url) as connection:
        (server,) = connection.execute("SHOW server_version").fetchone() or ("",)
    return {"Python": platform.python_version(), "PostgreSQL": str(server), **_packages(PACKAGES)}


def serving_versions(nginx: str | None) -> dict[str, str]:
    """The versions of Python, of nginx where it is installed, and of the packages that serve."""
    return {"Python": platform.python_version(), **({"nginx": nginx} if nginx else {}), **_packages(SERVING)}


def _packages(names: Iterable[str]) -> dict[str, str]:
    return {name: metadata.version(name) for name in names}


def uncommitted() -> bool:
    """Whether the working tree has changes that a clone of it lacks."""
    return bool(changes_since("HEAD", ROOT).changed)
