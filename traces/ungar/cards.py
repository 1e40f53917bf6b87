"""Cards as text: rank then suit, `TS`, `AH`; a joker is `*` and the suit whose cell it takes."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)

# UNGAR's layout: four suits of thirteen ranks and a joker, an index being suit * 14 + rank.
RANKS = "A23456789TJQK*"
SUITS = "SHDC"
UNREADABLE = "??"


def card_text(index: object) -> str:
    """The card at UNGAR's index 0-55. Anything else is `??`, with a warning in the log."""
    if isinstance(index, int) and 0 <= index < len(RANKS) * len(SUITS):
        suit, rank = divmod(index, len(RANKS))
        return RANKS[rank] + SUITS[suit]
    log.warning("unreadable card %r, written as %s", index, UNREADABLE)
    return UNREADABLE


def is_joker(card: str) -> bool:
    """Whether a card's text is that of a joker."""
    return card.startswith(RANKS[-1])
