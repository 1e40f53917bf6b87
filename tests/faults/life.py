"""What happens to a dataset in the course of time, at random: traces are added and taken out."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from tests.support.samples import created_at, row, trace_id, write_jsonl


class Life:
    """Of a repository with the rows 0 to `rows` - 1, by a seeded generator."""

    def __init__(self, rng: Random, folder: Path, rows: int) -> None:
        self.rng, self.folder, self.rows = rng, folder, rows

    def go_on(self) -> bool:
        """One to three things that happen; whether the store must be pinned anew, or only may."""
        happened = [self.rng.choice((self.add, self.add_late, self.exclude))() for _ in range(self.rng.randint(1, 3))]
        return any(happened) or self.rng.random() < 0.5

    def add(self) -> bool:
        """New traces: the pin is behind."""
        self._record([row(number) for number in self._new()])
        return False

    def add_late(self) -> bool:
        """Traces that are older than others that are there, and say what others do: the pin is broken."""
        late = [
            {**row(self.rng.randrange(number)), "id": trace_id(number), "created_at": self._time()}
            for number in self._new()
        ]
        self._record(late)
        return True

    def exclude(self) -> bool:
        """One trace is to be in no new version."""
        with (self.folder / "data/exclusions.csv").open("a") as file:
            file.write(f"{trace_id(self.rng.randrange(self.rows))},asked for by its author,2026-11-20\n")
        return False

    def _new(self) -> range:
        first, self.rows = self.rows, self.rows + self.rng.randint(1, 25)
        return range(first, self.rows)

    def _time(self) -> str:
        return created_at(self.rng.randrange(self.rows))

    def _record(self, rows: list[dict[str, Any]]) -> None:
        write_jsonl(self.folder / f"data/recorded/to-{self.rows}.jsonl.gz", rows)
