"""High Card Duel in the format that existing stores have, from real games."""

from __future__ import annotations

import json
import logging

import msgspec
import pytest

from tests.support.samples import recorded_episodes
from traces.model import decode_trace, encode_payload
from traces.ungar.high_card_duel import high_card_duel_trace


def test_a_real_game_line_by_line() -> None:
    episode = recorded_episodes("high_card_duel")[0]
    held = json.loads(encode_payload(high_card_duel_trace(episode, 7, 3)))
    mine, other = held["meta"].pop("my_card"), held["meta"].pop("opponent_card")
    assert (mine, other) == (
        episode.steps[0].planes["my_hand"][0],
        episode.final[episode.steps[0].player]["opponent_hand"][0],
    )
    assert held == {
        "trace_version": "1.0",
        "prompt": "High Card Duel: You have 1 hidden card. Action: reveal.",
        "final_answer": "reveal",
        "steps": [
            {"i": 0, "type": "legal_moves", "content": "Legal moves: [reveal]"},
            {"i": 1, "type": "observation", "content": f"My hand: {mine}"},
            {"i": 2, "type": "unseen", "content": "Unseen cards: 51"},
            {"i": 3, "type": "decision", "content": "Action chosen: reveal"},
        ],
        "meta": {
            "source": "ungar",
            "game": "high_card_duel",
            "episode_index": 3,
            "result": held["meta"]["result"],
            "seed": 7,
        },
    }


def test_every_real_game_is_a_valid_trace_with_its_result() -> None:
    ranks = "A23456789TJQK"
    for episode in recorded_episodes("high_card_duel"):
        trace = decode_trace(encode_payload(high_card_duel_trace(episode, 0, 0)))
        assert trace.meta is not None
        mine, other = (ranks.index(trace.meta[key][0]) for key in ("my_card", "opponent_card"))
        assert trace.meta["result"] == ("win" if mine > other else "loss" if mine < other else "tie")


def test_a_hand_that_cannot_be_read_is_marked_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    episode = recorded_episodes("high_card_duel")[0]
    blind = msgspec.structs.replace(
        episode, steps=[msgspec.structs.replace(episode.steps[0], planes={})], final=[{}, {}]
    )
    with caplog.at_level(logging.WARNING):
        trace = high_card_duel_trace(blind, 0, 0)
    assert trace.steps[1].content == "My hand: ??"
    assert "expected one card, found 0" in caplog.text
