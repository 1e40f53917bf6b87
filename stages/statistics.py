"""Counts and distributions of a dataset: what render measures, a partition at a time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow.compute as pc

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

    @classmethod
    def of(cls, values: Iterable[int]) -> Distribution:
        """The distribution of some values."""
        found = cls()
        for value, count in Counter(values).items():
            found.bins[round_down(value)] += count
            found.count += count
            found.total += count * value
            found.low = value if found.low is None else min(found.low, value)
            found.high = value if found.high is None else max(found.high, value)
        return found

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


class _Named(msgspec.Struct):
    source: Any = ""
    game: Any = ""


# A float would write 1.50 as 1.5.
_decode = msgspec.json.Decoder(_Named | None, float_hook=Decimal).decode


@dataclass
class Statistics:
    """Of the selected traces: steps, characters of the rendered text, and where they come from."""

    steps: Distribution = field(default_factory=Distribution)
    characters: Distribution = field(default_factory=Distribution)
    sources: Counter[str] = field(default_factory=Counter)
    games: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, traces: Any, texts: Any) -> Statistics:
        """The statistics of a batch of traces, and of the texts that were rendered of them."""
        metas = [_decode(meta) or _Named() for meta in traces.column("meta").to_pylist()]
        characters = pc.add(pc.utf8_length(texts.column("prompt")), pc.utf8_length(texts.column("completion")))
        return cls(
            Distribution.of(pc.list_value_length(traces.column("steps")).to_pylist()),
            Distribution.of(characters.to_pylist()),
            Counter(str(meta.source) for meta in metas),
            Counter(str(meta.game) for meta in metas),
        )

    def merge(self, other: Statistics) -> None:
        self.steps.merge(other.steps)
        self.characters.merge(other.characters)
        self.sources += other.sources
        self.games += other.games


def named_counts(counts: Counter[str]) -> dict[str, int]:
    """The counts by name, in the order of the names; a trace without one counts under `(none)`."""
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    named: Counter[str] = Counter()
    for name, count in common[:MAX_NAMES]:
        named[name or "(none)"] += count
    if rest := sum(count for _, count in common[MAX_NAMES:]):
        named["(others)"] += rest
    return dict(sorted(named.items()))


def pipeline_stats(statistics: Statistics, counts: dict[str, Any], reasons: Counter[str]) -> dict[str, Any]:
    """reports/stats.json: where every pinned row went, and what the selected traces are like.

    `counts` is data/selection/counts.json, `reasons` counts the quarantined traces by reason.
    """
    quarantined = reasons.total()
    selected = counts["selected"]
    return {
        "read": counts["valid"] + quarantined,
        "quarantined": quarantined,
        **{key: value for key, value in counts.items() if key != "valid"},
        "duplicate_rate": round(counts["duplicates"] / selected, 4) if selected else 0.0,
        "steps": statistics.steps.summary(),
        "characters": statistics.characters.summary(),
        "sources": named_counts(statistics.sources),
        "games": named_counts(statistics.games),
        "quarantine_reasons": named_counts(reasons),
    }


def dump_stats(stats: dict[str, Any]) -> str:
    """The text of reports/stats.json."""
    return json.dumps(stats, indent=2, ensure_ascii=False) + "\n"
