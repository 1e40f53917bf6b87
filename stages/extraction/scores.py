"""The pinned scores of traces, by the traces' partitions: data/scores/, empty where none are asked for."""

from __future__ import annotations

from bisect import bisect_right
from itertools import groupby
from pathlib import Path

from stages.runtime.partitioned import SCORES_SCHEMA, partition_path, write_partition
from traces.errors import TracesError
from traces.pin import SNAPSHOT, Pin
from traces.scores import Score, ScoreDigest
from traces.store.base import Store


def extract_scores(store: Store, pin: Pin, folder: Path) -> None:
    """Write the scores that `pin` pins, where it does.

    Raises:
        TracesError: the store has others.
    """
    if pin.scores is None:
        return
    held = pin.scores
    store.require_scores()
    digest = ScoreDigest()
    # A row without a time comes before all others.
    firsts = [(p.first_us is not None, p.first_us or 0, p.first_id) for p in pin.partitions]

    def partition_of(score: Score) -> int:
        return max(0, bisect_right(firsts, (True, score.created_us, score.trace_id)) - 1)

    scores = digest.watch(store.scores(pin.as_of_us, held.criteria, held.as_of_us))
    for number, group in groupby(scores, key=partition_of):
        rows = ((score.trace_id, score.score) for score in group)
        write_partition(partition_path(folder, pin.partitions[number].name), SCORES_SCHEMA, rows)
    newest_us = store.newest_score_us(held.criteria, held.as_of_us)
    if difference := held.difference(digest.pinned(held.criteria, newest_us or 0)):
        raise TracesError(
            f"{store.label}: not what {SNAPSHOT} pins ({difference}); "
            "bring the scores back, or take them as they are with `traces pin`"
        )
