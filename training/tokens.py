"""From a `tunix_sft` record to tokens and loss mask: only what the model says, and the end of its turn, is learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from traces.errors import TracesError
from training.templates import template_of
from training.tokenizers import TextTokenizer

# What becomes of a record of more than `max_tokens` tokens.
OverLong = Literal["drop", "truncate", "raise"]
# A character has at most four bytes, and a tokenizer may spell each by a token; some join what belongs together.
_LOOK_AHEAD = 16


class PromptParts(NamedTuple):
    """A prompt in three: what opens the user's turn (its marks and the system text), the question, what follows it."""

    opening: str
    question: str
    closing: str


class SftMetadata(msgspec.Struct, frozen=True):
    """What training reads of a record's metadata: the system text, if the prompts have one."""

    system: Any = None


class SftRecord(msgspec.Struct, frozen=True):
    """What training reads of a `tunix_sft` record. `completion_start` counts code points of `prompts`."""

    id: str
    prompts: str
    completion_start: int
    metadata: SftMetadata | None = None

    @property
    def prompt(self) -> str:
        """The text up to and including the open model turn."""
        return self.prompts[: self.completion_start]

    @property
    def completion(self) -> str:
        """The text to be learned, its end of turn included."""
        return self.prompts[self.completion_start :]

    @property
    def parts(self) -> PromptParts:
        """The prompt's parts. A prompt of no known template is all question."""
        prompt, template = self.prompt, template_of(self.prompt)
        if template is None:
            return PromptParts("", prompt, "")
        opening, closing = template.user_open, template.user_close + template.model_open
        if not (prompt.startswith(opening) and prompt.endswith(closing)):
            opening, closing = "", template.model_open
        # A trace may have a metadata key of this name; then the prompt does not begin with its value.
        system = f"{opening}{self.metadata.system}\n\n" if self.metadata else ""
        if system and prompt.startswith(system) and len(system) + len(closing) <= len(prompt):
            opening = system
        return PromptParts(opening, prompt[len(opening) : len(prompt) - len(closing)], closing)


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
    begin = _begin(tokenizer)
    prompt, completion = tokenizer.encode(record.prompt), tokenizer.encode(record.completion)
    ids = np.array(begin + prompt + completion, dtype=np.int32)
    if (ids == tokenizer.pad_id).any():
        raise TracesError(f"id {record.id}: its text has the token that pads ({tokenizer.pad_id}); name another pad")
    learned = np.zeros(len(ids), dtype=np.bool_)
    learned[len(begin) + len(prompt) :] = True
    return Tokens(ids, learned)


def _begin(tokenizer: TextTokenizer) -> list[int]:
    return [] if tokenizer.bos_id is None else [tokenizer.bos_id]


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
        if len({tuple(self.tokenizer.encode(mark)) for mark in template.turn_marks}) < len(template.turn_marks):
            raise TracesError(
                f"id {record_id}: rendered with {template.name}, whose marks are unknown to this tokenizer; "
                f"take a tokenizer of {template.name}'s family, or change render.template to the tokenizer's"
            )
        for mark in template.turn_marks:
            if (count := len(self.tokenizer.encode(mark))) != 1:
                raise TracesError(
                    f"id {record_id}: rendered with {template.name}, but {mark} is {count} tokens of this tokenizer; "
                    f"take a tokenizer of {template.name}'s family, or change render.template to the tokenizer's"
                )
        self._known.add(template.name)


def fit(record: SftRecord, tokens: Tokens, tokenizer: TextTokenizer, limit: Limit) -> Tokens | None:
    """The record's `tokens` within the limit; None for a record to be left out.

    Truncating takes tokens from the front of the question, up to where a character ends. The begin token, the marks of
    the turns, the system text and the completion are never cut: if they and one token of the question are
    already too many, the record is left out.

    Raises:
        TracesError: the record is too long, and the limit says to raise.
    """
    if len(tokens.ids) <= limit.max_tokens:
        return tokens
    if limit.over_long == "raise":
        raise TracesError(f"id {record.id}: {len(tokens.ids)} tokens, max_tokens is {limit.max_tokens}")
    if limit.over_long == "drop":
        return None
    parts = record.parts
    opening = _begin(tokenizer) + tokenizer.encode(parts.opening)
    learned = tokens.ids[tokens.learned].tolist()
    question = tokenizer.encode(parts.question + parts.closing)
    last = len(question) - len(tokenizer.encode(parts.closing))
    first = len(opening) + len(question) + len(learned) - limit.max_tokens
    cut = _whole_characters(question, max(first, 0), last, tokenizer)
    if cut is None:
        return None
    prompt = opening + question[cut:]
    ids = np.array(prompt + learned, dtype=np.int32)
    return Tokens(ids, np.arange(len(ids)) >= len(prompt))


def uncut_tokens(record: SftRecord, tokenizer: TextTokenizer) -> int:
    """How many tokens of a record's prompt are never cut: the begin token, the marks of the turns, the system text."""
    opening, _, closing = record.parts
    return len(_begin(tokenizer)) + len(tokenizer.encode(opening)) + len(tokenizer.encode(closing))


def _whole_characters(ids: list[int], first: int, last: int, tokenizer: TextTokenizer) -> int | None:
    """The first place from `first` on, before `last`, where `ids` can be cut without cutting a character in two."""
    text = tokenizer.decode(ids)
    for place in range(first, min(first + _LOOK_AHEAD, last)):
        if text.endswith(tokenizer.decode(ids[place:])):
            return place
    # A decoder that never writes the end of a text as it writes the whole of it says nothing about characters.
    return first if first + _LOOK_AHEAD <= last else None


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
