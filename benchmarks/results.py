"""What a run of the benchmark found: the parts that were asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from benchmarks.bench import Bench
from benchmarks.parts import everyday, formats, full, incremental, scaling, versions


class Part(StrEnum):
    """A part of the benchmark, as the command names it."""

    FULL = "full"
    FORMATS = "formats"
    SCALING = "scaling"
    EVERYDAY = "everyday"
    INCREMENTAL = "incremental"
    VERSIONS = "versions"


# In the order in which they run: the last two change the store, and the version after it.
PARTS: dict[Part, Callable[[Bench], Any]] = {
    Part.FULL: full.run,
    Part.FORMATS: formats.run,
    Part.SCALING: scaling.run,
    Part.EVERYDAY: everyday.run,
    Part.INCREMENTAL: incremental.run,
    Part.VERSIONS: versions.run,
}


@dataclass(frozen=True)
class Results:
    """`command` is what measured; a part that was not asked for is None."""

    command: str
    rows: int
    machine: dict[str, str]
    software: dict[str, str]
    full: full.Full | None = None
    formats: formats.Formats | None = None
    scaling: scaling.Scaling | None = None
    everyday: everyday.Everyday | None = None
    incremental: incremental.Incremental | None = None
    versions: versions.Versions | None = None
