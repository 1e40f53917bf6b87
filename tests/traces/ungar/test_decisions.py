"""Mini Spades and Gin Rummy, from real games: one trace a decision."""

from __future__ import annotations

import pytest

from tests.support.samples import recorded_episodes
from traces.model import decode_trace, encode_payload
from traces.ungar.decisions import decision_traces
from traces.ungar.episode import Decision, Episode, Move

KEYS = {"source", "game", "seed", "episode_index", "seat", "step", "legal_actions", "result"}


@pytest.mark.parametrize("game", ["spades_mini", "gin_rummy"])
def test_each_decision_is_a_valid_trace_that_says_whose_and_which_it_is(game: str) -> None:
    episodes = recorded_episodes(game)
    assert episodes
    for index, episode in enumerate(episodes):
        traces = list(decision_traces(episode, 9, index))
        assert len(traces) == len(episode.steps)
        for number, (trace, decision) in enumerate(zip(traces, episode.steps, strict=True)):
            meta = decode_trace(encode_payload(trace)).meta
            assert meta is not None
            assert meta.keys() == KEYS
            assert (meta["game"], meta["seed"], meta["episode_index"]) == (game, 9, index)
            assert (meta["seat"], meta["step"]) == (decision.player, number)
            assert trace.final_answer in meta["legal_actions"]
            assert len(meta["legal_actions"]) == len(decision.legal)
            assert f"Your hand: {' '.join(decision.planes['my_hand'])}" in trace.prompt
            assert f"Legal moves: {', '.join(meta['legal_actions'])}" in trace.prompt


def test_spades_plays_cards_of_the_hand_and_somebody_wins() -> None:
    for episode in recorded_episodes("spades_mini"):
        traces = list(decision_traces(episode, 0, 0))
        for trace, decision in zip(traces, episode.steps, strict=True):
            assert trace.final_answer in decision.planes["my_hand"]
        results = {trace.meta["seat"]: trace.meta["result"] for trace in traces if trace.meta}
        assert sorted(results.values()) in (["loss", "win"], ["tie", "tie"])


def test_a_game_that_was_cut_is_unfinished() -> None:
    (trace, *_) = decision_traces(recorded_episodes("gin_rummy")[0], 0, 0)
    assert trace.meta is not None
    assert trace.meta["result"] == "unfinished"


@pytest.mark.parametrize(
    ("move", "text"),
    [(0, "draw stock"), (1, "draw discard"), (100, "discard AS"), (155, "discard *C"), (214, "knock AH")],
)
def test_gin_s_moves_are_named(move: int, text: str) -> None:
    decision = Decision(0, [Move(move, "x")], {}, Move(move, "x"))
    (trace,) = decision_traces(Episode("gin_rummy", 0, 2, [decision], [0.0, 1.0], []), 0, 0)
    assert trace.final_answer == text
    assert "Your hand: empty" in trace.prompt
    assert trace.meta is not None
    assert trace.meta["result"] == "loss"
