"""A recording: episodes of one game, played and turned into rows, one episode in memory at a time."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from traces.incoming import IncomingRow, incoming_row
from traces.times import to_iso
from traces.ungar.decisions import decision_traces
from traces.ungar.episode import Episode
from traces.ungar.high_card_duel import high_card_duel_trace
from traces.ungar.install import ungar_commit, ungar_version
from traces.ungar.play import load_spec, play_episode

SECOND_US = 1_000_000
# Decisions of one episode follow each other at this distance, so that their order is that of play.
DECISION_US = 1000


def episode_rows(episode: Episode, seed: int, episode_index: int, start_us: int) -> Iterator[IncomingRow]:
    """The rows of one episode that began at `start_us`; ids follow from the content."""
    if episode.game == "high_card_duel":
        traces = iter([high_card_duel_trace(episode, seed, episode_index)])
    else:
        traces = decision_traces(episode, seed, episode_index)
    for number, trace in enumerate(traces):
        yield incoming_row(trace, None, start_us + number * DECISION_US)


def record_episodes(game: str, episodes: int, seed: int, start_us: int, every_s: int) -> Iterator[list[IncomingRow]]:
    """Play `episodes` episodes, `every_s` seconds apart; episode k is played with seed `seed + k`.

    Raises:
        TracesError: UNGAR is missing, or has no such game.
    """
    spec = load_spec(game)
    for index in range(episodes):
        episode = play_episode(spec, game, seed + index)
        yield list(episode_rows(episode, seed, index, start_us + index * every_s * SECOND_US))


def recording_provenance(game: str, episodes: int, seed: int, start_us: int, every_s: int) -> dict[str, Any]:
    """How a recording can be made again: UNGAR's commit, the game, the seeds, the policy, the versions."""
    return {
        "source": "ungar",
        "commit": ungar_commit(),
        "game": game,
        "episodes": episodes,
        "seeds": f"{seed}..{seed + episodes - 1}",
        "policy": "random legal moves, random.Random(seed + episode_index)",
        "start": to_iso(start_us),
        "every_s": every_s,
        "versions": {
            "ungar": ungar_version(),
            "numpy": metadata.version("numpy"),
            "python": platform.python_version(),
        },
    }
