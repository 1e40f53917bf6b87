"""What came of a verification: each output with how it stands in each place, and every fault in words."""

from __future__ import annotations

from dataclasses import dataclass, field

SAME, DIFFERS, MISSING, UNASKED = "same", "differs", "missing", ""
PLACES = ("workspace", "cache", "manifest", "rebuilt")


@dataclass
class Output:
    """An output of a stage, its hash in dvc.lock, and how it stands to that in each of `PLACES`."""

    stage: str
    path: str
    md5: str
    places: dict[str, str] = field(default_factory=lambda: dict.fromkeys(PLACES, UNASKED))


@dataclass
class Verdict:
    """`rebuilt` are the stages that were run again; none where that was not asked for."""

    commit: str
    dataset_id: str
    outputs: list[Output]
    rebuilt: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether no fault was found in what was looked at."""
        return not self.faults


def state_of(locked: str, found: str | None) -> str:
    """In a word, how a hash that was found, or None, stands to the one in the lock."""
    return MISSING if found is None else SAME if found == locked else DIFFERS
