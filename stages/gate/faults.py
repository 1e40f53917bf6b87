"""What the gate finds: every fault counted, the first of them named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from traces.errors import TracesError, machine_fault, one_line

NAMED = 100


@dataclass
class Faults:
    """Faults by kind, and a line for each of the first `NAMED`: where, then what."""

    counts: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)

    def add(self, kind: str, where: str, what: str) -> None:
        self.counts[kind] += 1
        if len(self.lines) < NAMED:
            self.lines.append(f"{where}: {one_line(what)}")

    @contextmanager
    def guard(self, where: str, kind: str = "unreadable") -> Iterator[None]:
        """Take whatever a check stumbles over for a fault: what was changed by hand may hold anything."""
        try:
            yield
        except BrokenExecutor:
            raise
        except TracesError as error:
            self.add(kind, where, str(error))
        except Exception as error:  # bounded by what it guards: one check
            if machine_fault(error):
                raise  # nothing is wrong with the dataset
            self.add(kind, where, f"cannot be checked: {type(error).__name__}: {error}")

    def merge(self, other: Faults) -> None:
        self.counts += other.counts
        self.lines += other.lines[: NAMED - len(self.lines)]

    @property
    def total(self) -> int:
        return self.counts.total()
