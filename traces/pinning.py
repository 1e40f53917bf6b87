"""Taking a pin of a store, and comparing a store with one: what of `traces.pin` needs a store."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from traces.errors import TracesError, one_line
from traces.pin import SNAPSHOT, Pin, differences
from traces.scores import PinnedScores, ScoreDigest
from traces.store.base import Store


@dataclass(frozen=True)
class PinState:
    """How a store stands to a pin: rows (and scores) later than it, and where it differs, a line a place."""

    behind: int
    differences: list[str]

    @property
    def word(self) -> str:
        return "broken" if self.differences else "behind" if self.behind else "fresh"


def take_pin(store: Store, partition_rows: int, settle_s: float, criteria: str | None = None) -> Pin:
    """Pin the rows of `store` that are older than `settle_s` seconds by its own clock, and scores by `criteria`.

    Raises:
        TracesError: there is none.
    """
    as_of_us = store.newest_us(settle_s)
    if as_of_us is None:
        future = store.count_future()
        later = f", {future} later than its clock" if future else ""
        raise TracesError(
            f"{store.label}: no trace older than {settle_s:g} s{later}; `traces record` or `traces ingest` adds some, "
            "`traces pin --settle 0` pins rows just written"
        )
    partitions = store.partitions(as_of_us, partition_rows)
    for one, following in itertools.pairwise(partitions):
        if one.first == following.first:
            raise TracesError(f"{store.label}: id {one.first_id} stands on two rows; remove one of them")
    pinned = None if criteria is None else _take_scores(store, as_of_us, criteria, settle_s)
    return Pin(as_of_us, store.kind, partition_rows, partitions, pinned)


def _take_scores(store: Store, as_of_us: int, criteria: str, settle_s: float) -> PinnedScores:
    newest_us = store.newest_score_us(criteria, store.settled_us(settle_s))
    if newest_us is not None:
        found = find_scores(store, as_of_us, criteria, newest_us)
        if found.rows:
            return found
    raise TracesError(
        f"{store.label}: no pinned trace has a score by {one_line(criteria)} that is a number, with a time, older than "
        f"{settle_s:g} s; name another criteria in params.yaml under extract.scores, or null"
    )


def find_scores(store: Store, as_of_us: int, criteria: str, scored_as_of_us: int) -> PinnedScores:
    """What a pin of the scores not later than `scored_as_of_us` would say now."""
    digest = ScoreDigest()
    for _ in digest.watch(store.scores(as_of_us, criteria, scored_as_of_us)):
        pass
    return digest.pinned(criteria, store.newest_score_us(criteria, scored_as_of_us) or 0)


def compare_pin(pin: Pin, store: Store) -> PinState:
    """How `store` stands to `pin`, by recomputing every digest.

    Raises:
        TracesError: the pin was taken from another kind of store.
    """
    require_kind(pin, store)
    lines = differences(pin.partitions, store.partitions(pin.as_of_us, pin.partition_rows))
    behind = store.count_after(pin.as_of_us)
    if pin.scores is not None:
        held = pin.scores
        store.require_scores()
        behind += store.count_scores_after(held.criteria, held.as_of_us)
        difference = held.difference(find_scores(store, pin.as_of_us, held.criteria, held.as_of_us))
        lines += [] if difference is None else [difference]
    return PinState(behind, lines)


def require_kind(pin: Pin, store: Store) -> None:
    """Refuse a store whose payloads are written otherwise: its digests could only differ.

    Raises:
        TracesError: it is one.
    """
    if store.kind != pin.store:
        raise TracesError(
            f"{store.label}: a {store.kind} store, but {SNAPSHOT} was pinned from {pin.store}; "
            "set TRACES_DATABASE_URL to that store, or pin this one with `traces pin`"
        )
