"""What `selection` bounds beside metadata: how many characters a trace has, and its score."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.params.models import Selection
from stages.paths import SCORES
from stages.runtime.partitioned import partition_path, read_rows

IntArray = npt.NDArray[np.int64]
# The fates of traces outside of bounds, in the order in which they are looked at.
UNFIT = ("too_short", "too_long", "unscored", "low_score")


def characters(batch: pa.RecordBatch) -> IntArray:
    """The characters of each trace as stored: prompt, steps' contents and answer."""
    steps: Any = batch.column("steps")
    ends = np.cumsum(np.concatenate([[0], _lengths(steps.flatten().field("content"))]))
    offsets = steps.offsets.to_numpy() - steps.offsets[0].as_py()
    of_steps: IntArray = np.diff(ends[offsets])
    return _lengths(batch.column("prompt")) + _lengths(batch.column("final_answer")) + of_steps


def _lengths(texts: Any) -> IntArray:
    import pyarrow.compute as pc  # costly to load, and most selections have no bounds

    lengths: IntArray = np.asarray(pc.utf8_length(texts), np.int64)
    return lengths


class Measures:
    """The bounds, and the scores of one partition's traces where `selection` asks for scores."""

    def __init__(self, selection: Selection, name: str) -> None:
        self.low, self.high = selection.min_characters, selection.max_characters
        self.counted = self.low is not None or self.high is not None
        self.min_score, self.scored = selection.min_score, selection.scored
        self.by_id = dict(read_rows(partition_path(SCORES, name), ["id", "score"])) if self.scored else {}

    def scores(self, ids: list[str]) -> list[float | None]:
        """The traces' scores; None for one without, and where none are asked for."""
        return [self.by_id.get(trace_id) for trace_id in ids] if self.scored else [None] * len(ids)

    def unfit(self, batch: pa.RecordBatch, scores: list[float | None]) -> Iterable[str | None]:
        """Of each trace, which of `UNFIT` it is, or None."""
        if not (self.counted or self.scored):
            return repeat(None, batch.num_rows)
        sizes: Iterable[int] = characters(batch).tolist() if self.counted else repeat(0, batch.num_rows)
        return [self._unfit(size, score) for size, score in zip(sizes, scores, strict=True)]

    def _unfit(self, size: int, score: float | None) -> str | None:
        if self.low is not None and size < self.low:
            return "too_short"
        if self.high is not None and size > self.high:
            return "too_long"
        if not self.scored:
            return None
        if score is None:
            return "unscored"
        return "low_score" if self.min_score is not None and score < self.min_score else None
