"""How many tokens the selected traces have, and how many of them are learned: of all, or of some thousands."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from commands.reporting.columns import IntArray
from commands.reporting.texts import texts_at
from training.spread import spread
from training.templates import Template
from training.tokenizers import TextTokenizer, load_tokenizer, train_tokenizer
from training.tokens import SftRecord, tokenise

MAX_COUNTED = 10_000  # seconds; a million would be minutes, and look the same
# Of the traces that are counted, all characters: half a minute. Long traces are counted in fewer traces.
MAX_CHARACTERS = 40_000_000
# Of one trace: a tokenizer takes some hundred bytes of memory for each character of a text.
MAX_TRACE_CHARACTERS = 1_000_000
_TAUGHT = 64  # of which a tokenizer is trained where none is named


@dataclass(frozen=True)
class TokenCounts:
    """Of the traces with these `numbers`: all tokens, and those that are learned. Arrays of shape [counted].

    `left_out` is how many of the chosen traces have more than `longest` characters, and were not counted.
    """

    tokenizer: str
    numbers: IntArray
    tokens: IntArray
    learned: IntArray
    left_out: int
    longest: int


def count_tokens(characters: IntArray, template: Template, tokenizer: str | None) -> TokenCounts | None:
    """The counts of some traces, of which all have so many `characters`, in the dataset's order.

    None if there are no traces, or the packages for training are missing.

    Raises:
        TracesError: the tokenizer cannot be had.
    """
    traces = len(characters)
    if not traces or find_spec("sentencepiece") is None:
        return None
    chosen = load_tokenizer(tokenizer) if tokenizer else _taught(traces, template)
    name = tokenizer or f"a tokenizer of {chosen.vocab_size:,} tokens, trained on some of these traces"
    numbers, left_out = _chosen(characters)
    held = (_count(text.trace_id, text.prompt, text.completion, chosen) for text in texts_at(numbers.tolist()))
    counted = np.array(list(held), dtype=np.int64).reshape(-1, 2)
    return TokenCounts(name, numbers, counted[:, 0], counted[:, 1], left_out, MAX_TRACE_CHARACTERS)


def _chosen(characters: IntArray) -> tuple[IntArray, int]:
    """The numbers of the traces to count, spread over all, and how many that are too long were passed over."""
    asked = MAX_COUNTED
    while True:
        numbers = np.array(spread(len(characters), asked), dtype=np.int64)
        kept = numbers[characters[numbers] <= MAX_TRACE_CHARACTERS]
        if characters[kept].sum() <= MAX_CHARACTERS:
            return kept, len(numbers) - len(kept)
        asked = len(numbers) // 2


def _taught(traces: int, template: Template) -> TextTokenizer:
    texts = texts_at(spread(traces, _TAUGHT))
    return train_tokenizer((text.prompt + text.completion for text in texts), template)


def _count(trace_id: str, prompt: str, completion: str, tokenizer: TextTokenizer) -> tuple[int, int]:
    tokens = tokenise(SftRecord(trace_id, prompt + completion, len(prompt)), tokenizer)
    return len(tokens.ids), int(tokens.learned.sum())
