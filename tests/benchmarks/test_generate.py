"""The generated traces look like a store's: sizes, steps, games, scripts, repeats, equal times."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from itertools import islice, pairwise
from typing import Any

import pytest

from benchmarks.generate import Row, generate
from traces.ids import is_id
from traces.model import content_hash, decode_trace

COUNT = 5_000


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(generate(COUNT))


@pytest.fixture(scope="module")
def payloads(rows: list[Row]) -> list[dict[str, Any]]:
    return [json.loads(row.payload) for row in rows]


def test_payloads_are_of_the_size_that_stores_have(rows: list[Row]) -> None:
    sizes = [len(row.payload.encode()) for row in rows]
    assert min(sizes) >= 700
    assert max(sizes) <= 1500
    assert 1100 <= sum(sizes) / COUNT <= 1200


def test_traces_have_4_to_12_steps(payloads: list[dict[str, Any]]) -> None:
    steps = Counter(len(payload["steps"]) for payload in payloads)
    assert set(steps) == set(range(4, 13))
    assert all(count > COUNT / 1000 for count in steps.values())


def test_every_row_is_a_valid_trace(rows: list[Row]) -> None:
    for row in rows:
        assert decode_trace(row.payload).trace_version == row.trace_version
        assert is_id(row.id)


def test_one_in_twenty_says_what_an_earlier_one_said(rows: list[Row]) -> None:
    traces = [decode_trace(row.payload) for row in rows]
    contents = {content_hash(t.prompt, [step.content for step in t.steps], t.final_answer) for t in traces}
    assert 0.04 <= 1 - len(contents) / COUNT <= 0.06
    assert len({row.id for row in rows}) == COUNT


def test_games_differ_in_their_keys_and_scripts(payloads: list[dict[str, Any]]) -> None:
    keys = {payload["meta"]["game"]: set(payload["meta"]) for payload in payloads}
    assert len(keys) == 6
    shared = set.intersection(*keys.values())
    assert {"source", "game", "seed", "episode_index", "result"} <= shared
    assert len({frozenset(own - shared) for own in keys.values()}) >= 3
    kinds = {type(value) for payload in payloads for value in payload["meta"].values()}
    assert kinds == {str, int, float, list}
    text = "".join(step["content"] for payload in payloads[:500] for step in payload["steps"])
    assert {"é", "ü", "♠", "牌", "🙂"} <= set(text)


def test_times_never_go_back_and_are_often_equal(rows: list[Row]) -> None:
    times = [row.created_at for row in rows]
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert len(set(times)) < COUNT / 5


def test_the_same_seed_makes_the_same_traces_and_the_first_of_many_are_those_of_few(rows: list[Row]) -> None:
    assert list(generate(300)) == rows[:300]
    assert not {row.id for row in generate(300, seed=2)} & {row.id for row in rows}


def test_they_are_made_one_at_a_time() -> None:
    made = generate(10**9)
    sum(1 for _ in islice(made, 5_000))
    tracemalloc.start()
    sum(1 for _ in islice(made, 5_000))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 6_000_000  # the traces that may be repeated, and no others
