"""High Card Duel as existing stores hold it: one trace an episode, from the first player's seat."""

from __future__ import annotations

from traces.model import Step, Trace
from traces.ungar.cards import UNREADABLE, is_joker, log
from traces.ungar.episode import Episode, result_of

PROMPT = "High Card Duel: You have 1 hidden card. Action: reveal."


def high_card_duel_trace(episode: Episode, seed: int, episode_index: int) -> Trace:
    """The trace of an episode, in the established format. `seed` is the recording's own."""
    decision = episode.steps[0]
    my_card = _only(decision.planes.get("my_hand", []))
    # UNGAR's `unseen` plane counts the four jokers too, which this game's deck leaves out.
    unseen = sum(not is_joker(card) for card in decision.planes.get("unseen", []))
    legal = ", ".join(move.name for move in decision.legal)
    action = decision.move.name
    contents = (
        ("legal_moves", f"Legal moves: [{legal}]"),
        ("observation", f"My hand: {my_card}"),
        ("unseen", f"Unseen cards: {unseen}"),
        ("decision", f"Action chosen: {action}"),
    )
    return Trace(
        trace_version="1.0",
        prompt=PROMPT,
        final_answer=action,
        steps=tuple(Step(i, kind, content) for i, (kind, content) in enumerate(contents)),
        meta={
            "source": "ungar",
            "game": "high_card_duel",
            "episode_index": episode_index,
            "my_card": my_card,
            "opponent_card": _only(episode.final[decision.player].get("opponent_hand", [])),
            "result": result_of(episode, decision.player),
            "seed": seed,
        },
    )


def _only(cards: list[str]) -> str:
    if len(cards) == 1:
        return cards[0]
    log.warning("expected one card, found %d, written as %s", len(cards), UNREADABLE)
    return UNREADABLE
