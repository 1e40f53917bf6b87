"""Mini Spades and Gin Rummy: one trace a decision, with what the player sees and may do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from traces.model import Step, Trace
from traces.ungar.cards import card_text
from traces.ungar.episode import Decision, Episode, Move, result_of

NamedSteps = list[tuple[str, str]]


def decision_traces(episode: Episode, seed: int, episode_index: int) -> Iterator[Trace]:
    """A trace for each decision of an episode. `seed` is the recording's own."""
    action_text, see = _GAMES[episode.game]
    for number, decision in enumerate(episode.steps):
        legal = [action_text(move) for move in decision.legal]
        action = action_text(decision.move)
        prompt, seen = see(decision)
        contents = [
            ("legal_moves", f"Legal moves: [{', '.join(legal)}]"),
            *seen,
            ("decision", f"Action chosen: {action}"),
        ]
        yield Trace(
            trace_version="1.0",
            prompt=f"{prompt}\nLegal moves: {', '.join(legal)}\nWhat do you do?",
            final_answer=action,
            steps=tuple(Step(i, kind, content) for i, (kind, content) in enumerate(contents)),
            meta={
                "source": "ungar",
                "game": episode.game,
                "seed": seed,
                "episode_index": episode_index,
                "seat": decision.player,
                "step": number,
                "legal_actions": legal,
                "result": result_of(episode, decision.player),
            },
        )


def _spades_action(move: Move) -> str:
    return card_text(move.id)


def _see_spades(decision: Decision) -> tuple[str, NamedSteps]:
    hand, trick = _cards(decision, "my_hand"), _cards(decision, "current_trick")
    history = _cards(decision, "history")
    prompt = (
        f"Mini Spades: You are player {decision.player} of 2. "
        "Spades are trump, the ace is low, * is a joker and high.\n"
        f"Your hand: {hand or 'empty'}\n"
        f"Current trick: {trick or 'empty, you lead'}\n"
        f"Cards played: {history or 'none'}"
    )
    steps = [
        ("observation", f"My hand: {hand or 'empty'}"),
        ("trick", f"Card to follow: {trick}" if trick else "I lead this trick"),
        ("history", f"Cards played: {len(history.split())}"),
    ]
    return prompt, steps


def _gin_action(move: Move) -> str:
    # UNGAR's ids: 0 and 1 draw, 100 and up discard the card, 200 and up knock with it.
    if move.id >= 200:
        return f"knock {card_text(move.id - 200)}"
    if move.id >= 100:
        return f"discard {card_text(move.id - 100)}"
    return {0: "draw stock", 1: "draw discard"}.get(move.id, move.name)


def _see_gin(decision: Decision) -> tuple[str, NamedSteps]:
    hand, top = _cards(decision, "my_hand"), _cards(decision, "top_discard")
    discards = _cards(decision, "in_discard")
    prompt = (
        f"Gin Rummy: You are player {decision.player} of 2. * is a joker.\n"
        f"Your hand: {hand or 'empty'}\n"
        f"Top of the discard pile: {top or 'none, it is empty'}\n"
        f"In the discard pile: {discards or 'none'}"
    )
    steps = [
        ("observation", f"My hand: {hand or 'empty'}"),
        ("discard_pile", f"Top of the discard pile: {top}" if top else "The discard pile is empty"),
    ]
    return prompt, steps


def _cards(decision: Decision, plane: str) -> str:
    return " ".join(decision.planes.get(plane, []))


_GAMES: dict[str, tuple[Callable[[Move], str], Callable[[Decision], tuple[str, NamedSteps]]]] = {
    "spades_mini": (_spades_action, _see_spades),
    "gin_rummy": (_gin_action, _see_gin),
}
