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
_TAUGHT = 64  # of which a tokenizer is trained where none is named


@dataclass(frozen=True)
class TokenCounts:
    """Of the traces with these `numbers`: all tokens, and those that are learned. Arrays of shape [counted]."""

    tokenizer: str
    numbers: IntArray
    tokens: IntArray
    learned: IntArray


def count_tokens(traces: int, template: Template, tokenizer: str | None) -> TokenCounts | None:
    """The counts of `traces` in the dataset's order; None where the packages for training are missing.

    Raises:
        TracesError: the tokenizer cannot be had.
    """
    if not traces or find_spec("sentencepiece") is None:
        return None
    chosen = load_tokenizer(tokenizer) if tokenizer else _taught(traces, template)
    name = tokenizer or f"a tokenizer of {chosen.vocab_size:,} tokens, trained on some of these traces"
    numbers = spread(traces, MAX_COUNTED)
    counted = np.array([_count(text.trace_id, text.prompt, text.completion, chosen) for text in texts_at(numbers)])
    return TokenCounts(name, np.array(numbers), counted[:, 0], counted[:, 1])


def _taught(traces: int, template: Template) -> TextTokenizer:
    texts = texts_at(spread(traces, _TAUGHT))
    return train_tokenizer((text.prompt + text.completion for text in texts), template)


def _count(trace_id: str, prompt: str, completion: str, tokenizer: TextTokenizer) -> tuple[int, int]:
    tokens = tokenise(SftRecord(trace_id, prompt + completion, len(prompt)), tokenizer)
    return len(tokens.ids), int(tokens.learned.sum())
