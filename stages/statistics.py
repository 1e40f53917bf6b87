"""Counts and distributions of a dataset: what render measures, a partition at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stages.filters import decode_meta
from training.formats import SelectedTrace

# Counts by an arbitrary metadata value could be as many as the traces; the rest are counted together.
MAX_NAMES = 100


@dataclass
class Distribution:
    """Whole numbers and how often each occurred, the numbers rounded down to two leading digits."""

    bins: Counter[int] = field(default_factory=Counter)
    count: int = 0
    total: int = 0
    low: int | None = None
    high: int | None = None

    def add(self, value: int) -> None:
        self.bins[round_down(value)] += 1
        self.count += 1
        self.total += value
        self.low = value if self.low is None else min(self.low, value)
        self.high = value if self.high is None else max(self.high, value)

    def merge(self, other: Distribution) -> None:
        self.bins += other.bins
        self.count += other.count
        self.total += other.total
        self.low = min((v for v in (self.low, other.low) if v is not None), default=None)
        self.high = max((v for v in (self.high, other.high) if v is not None), default=None)

    def summary(self) -> dict[str, Any]:
        mean = round(self.total / self.count, 3) if self.count else None
        return {"min": self.low, "mean": mean, "max": self.high}

    def csv(self, name: str) -> str:
        """The histogram as a DVC plot reads it."""
        lines = [f"{value},{self.bins[value]}" for value in sorted(self.bins)]
        return "\n".join([f"{name},traces", *lines]) + "\n"


def round_down(value: int) -> int:
    """`value` with all digits but the first two made 0: bins a tenth of their size wide."""
    unit: int = 10 ** max(0, len(str(value)) - 2)
    return value // unit * unit


@dataclass
class Statistics:
    """Of the selected traces: steps, characters of the rendered text, and where they come from."""

    steps: Distribution = field(default_factory=Distribution)
    characters: Distribution = field(default_factory=Distribution)
    sources: Counter[str] = field(default_factory=Counter)
    games: Counter[str] = field(default_factory=Counter)

    def add(self, trace: SelectedTrace) -> None:
        self.steps.add(len(trace.trace_steps))
        self.characters.add(len(trace.rendered.prompt) + len(trace.rendered.completion))
        meta: Mapping[str, Any] = (decode_meta(trace.meta) if trace.meta else None) or {}
        self.sources[str(meta.get("source", ""))] += 1
        self.games[str(meta.get("game", ""))] += 1

    def merge(self, other: Statistics) -> None:
        self.steps.merge(other.steps)
        self.characters.merge(other.characters)
        self.sources += other.sources
        self.games += other.games


def named_counts(counts: Counter[str]) -> dict[str, int]:
    """The counts by name, in the order of the names; a trace without one counts under `(none)`."""
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    named = {name or "(none)": count for name, count in sorted(common[:MAX_NAMES])}
    if rest := sum(count for _, count in common[MAX_NAMES:]):
        named["(others)"] = rest
    return named
