"""Splits by keyed hash: fractions of traces or groups, on any machine."""

from __future__ import annotations

from collections import Counter

from stages.params.models import Split
from stages.selection.splits import group_of, keyed_hash, split_of
from tests.support.samples import trace_id

SPLIT = Split(validation=0.2, test=0.1, group_by=["game", "seed"])


def test_a_keyed_hash_never_changes() -> None:
    # Literals: another value would move traces between splits.
    assert keyed_hash("split", "a") == 0x8E538547F44B5801
    assert keyed_hash("split", "a") != keyed_hash("select:1", "a")


def test_shares_come_near_the_fractions() -> None:
    counts = Counter(split_of(trace_id(n), {}, SPLIT) for n in range(4000))
    assert abs(counts["validation"] / 4000 - 0.2) < 0.03
    assert abs(counts["test"] / 4000 - 0.1) < 0.03


def test_a_group_stays_on_one_side_whatever_the_ids() -> None:
    for seed in range(50):
        assert len({split_of(trace_id(n), {"game": "g", "seed": seed}, SPLIT) for n in range(20)}) == 1
    assert len({split_of(trace_id(1), {"game": "g", "seed": seed}, SPLIT) for seed in range(50)}) == 3


def test_a_trace_with_some_of_the_keys_is_in_the_group_of_those() -> None:
    assert group_of({"game": "g"}, SPLIT) == group_of({"game": "g", "step": 1}, SPLIT) is not None
    assert group_of({"game": "g"}, SPLIT) != group_of({"seed": "g"}, SPLIT)
    assert group_of({"step": 1}, SPLIT) is None


def test_without_fractions_all_is_train() -> None:
    whole = Split(validation=0, test=0, group_by=[])
    assert {split_of(trace_id(n), {}, whole) for n in range(200)} == {"train"}
    assert whole.asked == ["train"]
    assert Split(validation=0, test=1, group_by=[]).asked == ["test"]


def test_more_test_takes_from_train_and_validation_but_moves_no_test_trace_out() -> None:
    more = Split(validation=0.2, test=0.3, group_by=[])
    before = {n for n in range(500) if split_of(trace_id(n), {}, SPLIT) == "test"}
    assert before < {n for n in range(500) if split_of(trace_id(n), {}, more) == "test"}
