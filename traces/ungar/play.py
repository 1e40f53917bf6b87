"""Playing UNGAR's games with random legal moves, move by move, always to an end.

UNGAR's own `play_random_episode` keeps every state and never returns from Gin Rummy, whose players
draw from the discard pile for ever once the stock is gone. Here an episode is cut at that point, or at
`MAX_MOVES`, and has no rewards.
"""

from __future__ import annotations

from importlib import import_module
from random import Random
from typing import Any

from traces.errors import TracesError
from traces.ungar.cards import card_text
from traces.ungar.episode import Decision, Episode, Move
from traces.ungar.install import INSTALL

MAX_MOVES = 1000
_SPECS = {
    "high_card_duel": "make_high_card_duel_spec",
    "spades_mini": "make_spades_mini_spec",
    "gin_rummy": "make_gin_rummy_spec",
}
GAMES = tuple(_SPECS)


def load_spec(game: str) -> Any:
    """UNGAR's specification of a game.

    Raises:
        TracesError: UNGAR is not installed, or has no such game here.
    """
    if game not in _SPECS:
        raise TracesError(f"game {game!r}: not one of {', '.join(GAMES)}")
    try:
        # Lazy, and ignored by the type checker where it is absent: UNGAR is optional and not on PyPI.
        import ungar.game  # type: ignore[import-not-found,unused-ignore]  # noqa: F401
    except ImportError:
        raise TracesError(f"UNGAR is not installed; `{INSTALL}`") from None
    return getattr(import_module(f"ungar.games.{game}"), _SPECS[game])()


def play_episode(spec: Any, game: str, seed: int) -> Episode:
    """Play one episode, as `play_random_episode(spec, seed)` would, as far as it can go."""
    random = Random(seed)  # noqa: S311 - UNGAR's own choice; games are not secrets
    state = spec.initial_state(seed=seed)
    steps: list[Decision] = []
    while not (over := state.is_terminal()) and len(steps) < MAX_MOVES:
        if getattr(state, "stock_pile", None) == ():
            break
        player, legal = state.current_player(), list(state.legal_moves())
        move = random.choice(legal)
        steps.append(Decision(player, [_move(m) for m in legal], _planes(state, player), _move(move)))
        state = state.apply_move(move)
    return Episode(
        game=game,
        seed=seed,
        players=spec.num_players,
        steps=steps,
        rewards=[float(r) for r in state.returns()] if over else None,
        final=[_planes(state, player) for player in range(spec.num_players)],
    )


def _move(move: Any) -> Move:
    return Move(int(move.id), str(move.name))


def _planes(state: Any, player: int) -> dict[str, list[str]]:
    tensor = state.to_tensor(player)
    return {name: [_card(card) for card in tensor.cards_in_plane(name)] for name in tensor.spec.plane_names}


def _card(card: Any) -> str:
    try:
        index = card.to_index()
    except (AttributeError, TypeError, ValueError):
        index = card
    return card_text(index)
