"""Scores of traces: the store's `scores` table by one criteria, fingerprinted apart from the rows.

A trace has the score that it was given last; older ones count for nothing. Scores come later than traces, so they are
pinned as of a time of their own, the newest score's: a later one leaves the pin behind, another latest score of a trace
at or before it breaks it.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from traces.partitions import sum_digest
from traces.times import to_iso


class Score(NamedTuple):
    """A trace's latest score, and the trace's key."""

    created_us: int  # of the trace
    trace_id: str
    score: float


@dataclass(frozen=True)
class PinnedScores:
    """What a pin knows of the scores: `as_of_us` is the newest score's created_at."""

    criteria: str
    as_of_us: int
    rows: int
    digest: str

    def facts(self) -> dict[str, object]:
        """What data/snapshot.json and the manifest say of them."""
        return {
            "criteria": self.criteria,
            "as_of": to_iso(self.as_of_us),
            "traces": self.rows,
            "digest": self.digest,
        }

    def difference(self, found: PinnedScores) -> str | None:
        """In words, where other scores were found; None where they are these."""
        if found == self:
            return None
        if (found.rows, found.digest) == (self.rows, self.digest):
            what = f"as of {to_iso(self.as_of_us)}, the newest of them is of {to_iso(found.as_of_us)}"
        else:
            what = "content changed" if found.rows == self.rows else f"{found.rows} found"
        return f"scores by {self.criteria}: {self.rows} traces scored when pinned, {what}"


def score_value(raw: object) -> float | None:
    """A score as the store has it; None for what is no number."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        return None
    value = float(raw)
    return None if math.isnan(value) else value + 0.0  # of a zero there is no negative


class ScoreDigest:
    """The digest of scores (`md5-64-sum/1`, over id and the score's eight bytes), gathered while they go by."""

    def __init__(self) -> None:
        self.rows = self.total = 0

    def add(self, trace_id: str, score: float) -> None:
        text = trace_id.encode(errors="surrogatepass") + b"|" + struct.pack(">d", score)
        digest = hashlib.md5(text, usedforsecurity=False).digest()
        self.rows += 1
        self.total += int.from_bytes(digest[:8], "big")

    def watch(self, scores: Iterable[Score]) -> Iterator[Score]:
        """The scores as they are, each one counted in."""
        for score in scores:
            self.add(score.trace_id, score.score)
            yield score

    def pinned(self, criteria: str, as_of_us: int) -> PinnedScores:
        """What a pin of these scores says."""
        return PinnedScores(criteria, as_of_us, self.rows, sum_digest(self.total))
