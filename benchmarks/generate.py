"""Traces as a store of games has them, the same ones for the same seed, one at a time.

A payload's text is 0.7 to 1.5 KB with 4 to 12 steps; one trace in twenty says what an earlier one said. A game's traces
are stored together, so that they share their `created_at`.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from benchmarks.texts import GAMES, Game

SEED = 1
START = datetime(2025, 1, 1, tzinfo=UTC)

DUPLICATES = 0.05
REMEMBERED = 4096  # traces that a later one may repeat: a store of any size is never in memory
SIZE = (750, 1420)  # bytes of a payload's text, give or take a sentence; many steps need some room
STEP_SIZE = 45  # of which a step takes so many beside its content
STEPS = (4, 12)
EPISODE_ROWS = (1, 20)
HAND = 6


class Row(NamedTuple):
    """A row of the table. `payload` is JSON text."""

    id: str
    created_at: datetime
    trace_version: str
    payload: str


class Said(NamedTuple):
    """What a trace says, apart from its metadata."""

    prompt: str
    final_answer: str
    steps: list[dict[str, Any]]


def generate(count: int, seed: int = SEED, start: datetime = START) -> Iterator[Row]:
    """`count` rows in the order of their time. The first of many rows are those of few."""
    rng = random.Random(seed)  # noqa: S311 - for traces that look real, not for secrets
    decks = {
        game.name: [f"{rank}{suit}" for suit in game.deck[1].split() for rank in game.deck[0].split()] for game in GAMES
    }
    said: dict[str, list[Said]] = {game.name: [] for game in GAMES}
    made, episode, time = 0, 0, start
    while made < count:
        game = rng.choice(GAMES)
        time += timedelta(microseconds=rng.randrange(1, 60_000_000))
        result = rng.choice(game.results)
        for turn in range(min(rng.randint(*EPISODE_ROWS), count - made)):
            hand = rng.sample(decks[game.name], HAND)
            meta = metadata(rng, game, seed, episode, turn, result, hand)
            row_id = uuid.UUID(int=rng.getrandbits(128), version=4)
            yield Row(str(row_id), time, "1.0", payload(say(rng, game, hand, meta, said[game.name]), meta))
            made += 1
        episode += 1


def payload(said: Said, meta: dict[str, Any]) -> str:
    """The payload's JSON text."""
    held = {"trace_version": "1.0", **said._asdict(), "meta": meta}
    return json.dumps(held, ensure_ascii=False)


def say(rng: random.Random, game: Game, hand: list[str], meta: dict[str, Any], earlier: list[Said]) -> Said:
    """A new trace of a game, or once in a while what an earlier one said."""
    if earlier and rng.random() < DUPLICATES:
        return rng.choice(earlier)
    said = compose(rng, game, hand, meta)
    if len(earlier) < REMEMBERED // len(GAMES):
        earlier.append(said)
    else:
        earlier[rng.randrange(len(earlier))] = said
    return said


def compose(rng: random.Random, game: Game, hand: list[str], meta: dict[str, Any]) -> Said:
    """As many sentences as the payload has room for, a few of them a step."""

    def sentence(template: str) -> str:
        k = rng.randrange(len(hand) - 2)
        return template.format(a=hand[k], b=hand[k + 1], c=hand[k + 2], n=k + 2, m=9 - k, hand=" ".join(hand))

    said = Said(sentence(game.prompt), sentence(game.answer), [])
    count = rng.randint(*STEPS)
    smallest, largest = SIZE
    room = rng.uniform(smallest + 30 * count, largest) - len(payload(said, meta).encode()) - count * STEP_SIZE
    sentences: list[str] = []
    while room > 0 or len(sentences) < STEPS[0]:
        sentences.append(sentence(rng.choice(game.steps)))
        room -= len(sentences[-1].encode()) + 1
    count = min(count, len(sentences))
    for i in range(count):
        kind = game.kinds[-1] if i == count - 1 else game.kinds[i % len(game.kinds)]
        said.steps.append({"i": i, "type": kind, "content": " ".join(sentences[i::count])})
    return said


def metadata(
    rng: random.Random, game: Game, seed: int, episode: int, turn: int, result: str, hand: list[str]
) -> dict[str, Any]:
    """The keys that all traces have, and those of the game's producer."""
    meta: dict[str, Any] = {
        "source": game.source,
        "game": game.name,
        "seed": 1000 * seed + episode // 1000,
        "episode_index": episode % 1000,
        "result": result,
    }
    if game.source == "ungar":
        meta |= {"seat": turn % 4, "step": turn, "legal_actions": hand[:3]}
    elif game.source == "tournament":
        meta |= {"table": f"Tisch {episode % 40 + 1}", "round": turn, "elo": round(rng.uniform(1200, 2400), 1)}
    else:
        meta |= {"model": rng.choice(("small-7b", "large-70b")), "temperature": rng.randrange(1, 20) / 16, "turn": turn}
    if game.name == "holdem":
        meta |= {"pot": round(rng.uniform(1, 400), 2), "board": hand[:3]}
    return meta
