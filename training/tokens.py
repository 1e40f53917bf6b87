"""From a `tunix_sft` record to tokens and loss mask: only what the model says, and the end of its turn, is learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from traces.errors import TracesError
from training.templates import template_of
from training.tokenizers import TextTokenizer

# What becomes of a record of more than `max_tokens` tokens.
OverLong = Literal["drop", "truncate", "raise"]


class SftRecord(msgspec.Struct, frozen=True):
    """What training reads of a `tunix_sft` record. `completion_start` counts code points of `prompts`."""

    id: str
    prompts: str
    completion_start: int

    @property
    def prompt(self) -> str:
        """The text up to and including the open model turn."""
        return self.prompts[: self.completion_start]

    @property
    def completion(self) -> str:
        """The text to be learned, its end of turn included."""
        return self.prompts[self.completion_start :]


class Tokens(NamedTuple):
    """A record's ids and which of them are learned: int32 and bool, both of shape [length], not padded."""

    ids: npt.NDArray[np.int32]
    learned: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Limit:
    """How many tokens a record may have, and what becomes of one that has more."""

    max_tokens: int
    over_long: OverLong


def tokenise(record: SftRecord, tokenizer: TextTokenizer) -> Tokens:
    """The record's tokens: a begin token where the family has one, the prompt, the completion.

    Prompt and completion are encoded apart, so that the boundary is `completion_start` and no token reaches
    across it.

    Raises:
        TracesError: the tokenizer makes of the text what stands for padding.
    """
    begin = [] if tokenizer.bos_id is None else [tokenizer.bos_id]
    prompt, completion = tokenizer.encode(record.prompt), tokenizer.encode(record.completion)
    ids = np.array(begin + prompt + completion, dtype=np.int32)
    if (ids == tokenizer.pad_id).any():
        raise TracesError(f"id {record.id}: its text has the token that pads ({tokenizer.pad_id}); name another pad")
    learned = np.zeros(len(ids), dtype=np.bool_)
    learned[len(begin) + len(prompt) :] = True
    return Tokens(ids, learned)


class Marks:
    """Whether a tokenizer is of the family that a text was rendered for: where it is not, nothing else would say so."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self.tokenizer = tokenizer
        self._known: set[str] = set()

    def check(self, prompt: str, record_id: str) -> None:
        """Refuse a prompt that ends in no open model turn, or in one whose marks are no tokens of the tokenizer.

        Raises:
            TracesError: it is such a prompt.
        """
        template = template_of(prompt)
        if template is None:
            raise TracesError(f"id {record_id}: its prompt ends in no template's open model turn")
        if template.name in self._known:
            return
        for mark in template.turn_marks:
            if (count := len(self.tokenizer.encode(mark))) != 1:
                raise TracesError(
                    f"id {record_id}: rendered with {template.name}, but {mark} is {count} tokens of this tokenizer; "
                    f"take a tokenizer of {template.name}'s family, or change render.template to the tokenizer's"
                )
        self._known.add(template.name)


def fit(tokens: Tokens, record_id: str, limit: Limit, begins: bool) -> Tokens | None:
    """The tokens within the limit; None for a record to be left out.

    Truncating takes from the prompt's front and keeps the begin token, where there is one (`begins`); the
    completion is never cut, so a record whose completion alone is too long is left out.

    Raises:
        TracesError: the record is too long, and the limit says to raise.
    """
    excess = len(tokens.ids) - limit.max_tokens
    if excess <= 0:
        return tokens
    if limit.over_long == "raise":
        raise TracesError(f"id {record_id}: {len(tokens.ids)} tokens, max_tokens is {limit.max_tokens}")
    first = int(begins)
    if limit.over_long == "drop" or excess >= int((~tokens.learned).sum()) - first:
        return None
    keep = np.r_[0:first, first + excess : len(tokens.ids)]
    return Tokens(tokens.ids[keep], tokens.learned[keep])


def padded_length(longest: int) -> int:
    """The length that sequences up to `longest` are padded to: multiples keep few the shapes that are compiled for."""
    return -(-longest // 64) * 64


def pad(tokens: Tokens, length: int, pad_id: int) -> Tokens:
    """The tokens followed by `pad_id` up to `length`, none of it learned."""
    missing = length - len(tokens.ids)
    return Tokens(
        np.pad(tokens.ids, (0, missing), constant_values=pad_id),
        np.pad(tokens.learned, (0, missing), constant_values=False),
    )


def learned_text(tokens: Tokens, tokenizer: TextTokenizer) -> str:
    """What a model that learns these tokens would say."""
    ids: Sequence[int] = tokens.ids[tokens.learned].tolist()
    return tokenizer.decode(ids)
