"""A game as it was played: what each player saw at each decision, and what came of it."""

from __future__ import annotations

import msgspec


class Move(msgspec.Struct, frozen=True):
    """UNGAR's move: its id within the game, and UNGAR's own name for it."""

    id: int
    name: str


class Decision(msgspec.Struct, frozen=True):
    """One move. `planes` is what the player to move saw: cards by the plane's name."""

    player: int
    legal: list[Move]
    planes: dict[str, list[str]]
    move: Move


class Episode(msgspec.Struct, frozen=True):
    """One game. `rewards`, a number a player, is None where it was cut before its end."""

    game: str
    seed: int
    players: int
    steps: list[Decision]
    rewards: list[float] | None
    final: list[dict[str, list[str]]]


def result_of(episode: Episode, player: int) -> str:
    """`win`, `loss` or `tie` for the player, or `unfinished`."""
    if episode.rewards is None:
        return "unfinished"
    mine = episode.rewards[player]
    best = max(reward for seat, reward in enumerate(episode.rewards) if seat != player)
    return "win" if mine > best else "loss" if mine < best else "tie"
