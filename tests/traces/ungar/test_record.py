"""Recordings: rows from episodes, and the real UNGAR playing what was recorded."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from tests.support.samples import recorded_episodes
from tests.support.shell import ROOT, run
from traces.ungar.play import GAMES, MAX_MOVES, load_spec, play_episode
from traces.ungar.record import episode_rows, record_episodes

DAY_US = 86_400_000_000


def test_rows_have_ids_from_their_content_and_times_from_the_start() -> None:
    (episode, *_) = recorded_episodes("spades_mini")
    rows = list(episode_rows(episode, 5, 2, DAY_US))
    assert [row.created_us for row in rows] == [DAY_US + 1000 * n for n in range(len(rows))]
    assert len({row.id for row in rows}) == len(rows)
    assert rows == list(episode_rows(episode, 5, 2, DAY_US))
    assert {row.id for row in rows}.isdisjoint(row.id for row in episode_rows(episode, 6, 2, DAY_US))


@pytest.mark.ungar
@pytest.mark.parametrize("game", GAMES)
def test_ungar_plays_the_recorded_games_again(game: str) -> None:
    for episode in recorded_episodes(game):
        played = play_episode(load_spec(game), game, episode.seed)
        # UNGAR's own player goes on for ever where ours cuts, so a recorded Gin Rummy may be longer.
        count = len(played.steps)
        assert played.steps == episode.steps[:count]
        if game != "gin_rummy":
            assert msgspec.to_builtins(played) == msgspec.to_builtins(episode)


@pytest.mark.ungar
def test_gin_rummy_always_comes_to_an_end() -> None:
    for seed in range(5):
        episode = play_episode(load_spec("gin_rummy"), "gin_rummy", seed)
        assert 0 < len(episode.steps) <= MAX_MOVES


@pytest.mark.ungar
def test_episodes_are_played_one_at_a_time() -> None:
    rows = record_episodes("high_card_duel", 10**9, 1, 0, 60)
    first, second = next(rows), next(rows)
    assert (first[0].created_us, second[0].created_us) == (0, 60_000_000)


@pytest.mark.ungar
@pytest.mark.parametrize("name", ["high_card_duel-1000", "spades_mini-2000", "gin_rummy-3000"])
def test_the_shipped_recordings_are_what_their_provenance_says(workspace: Path, name: str) -> None:
    shipped = ROOT / "data/recorded"
    held = json.loads((shipped / f"{name}.provenance.json").read_text())
    seed = held["seeds"].split("..")[0]
    options = ["--game", held["game"], "--episodes", str(held["episodes"]), "--seed", seed, "--start", held["start"]]
    run(workspace, "traces", "record", *options, "--every", str(held["every_s"]))
    made = workspace / "data/recorded" / f"{name}.jsonl.gz"
    assert made.read_bytes() == (shipped / made.name).read_bytes()
