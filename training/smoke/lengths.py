"""A bound on the length of what a smoke run trains on: the middle of a long text is left out.

A smoke run asks whether the data trains at all, and attention takes memory by the square of the longest record. So a
long record keeps the beginning and the end of its question and of its answer, and all marks of its turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from traces.errors import TracesError
from training.formats.tunix_dpo import TunixDpoRecord
from training.formats.tunix_grpo import TunixGrpoRecord
from training.templates import Template
from training.tokenizers import TextTokenizer
from training.tokens import SftRecord

# Before a tokenizer is there, a text is cut to so many characters a token: as many as a token of SentencePiece has.
_TOKEN_CHARACTERS = 16
# Between the two parts of a cut text. No control token holds a newline, so that none can form across it.
_JOINT = "\n"
R = TypeVar("R", SftRecord, TunixDpoRecord, TunixGrpoRecord)


class _Turn(NamedTuple):
    """A text between the marks that open and close it."""

    before: str
    text: str
    after: str

    def inner(self) -> _Turn:
        """The turn of a `text` that holds the marks, too; without marks if they are not where they should be."""
        text, start, end = self.text, len(self.before), len(self.text) - len(self.after)
        if start <= end and text.startswith(self.before) and text.endswith(self.after):
            return self._replace(text=text[start:end])
        return _Turn("", text, "")

    def cut(self, most: int) -> str:
        """The turn with at most so many characters of its text: half from the beginning, half from the end."""
        text = self.text
        if len(text) > most:
            tail = (most - len(_JOINT)) // 2
            text = text[: most - len(_JOINT) - tail] + _JOINT + text[len(text) - tail :] if tail > 0 else text[:most]
        return self.before + text + self.after

    def fitted(self, room: int, tokenizer: TextTokenizer) -> str:
        """The turn cut to at most `room` tokens; its marks alone if these are more."""
        most, least = len(self.text), len(tokenizer.encode(self.before + self.after))
        while (size := len(tokenizer.encode(self.cut(most)))) > room and most:
            most = min(most - 1, most * max(room - least, 0) // max(size - least, 1))
        return self.cut(most)


class LengthBound:
    """Cuts records to `max_tokens` tokens, and counts what it leaves out.

    `roughly` needs no tokenizer and bounds the memory of all that follows; `exactly` takes what `roughly` gave.
    """

    def __init__(self, template: Template, max_tokens: int) -> None:
        self.template = template
        self.max_tokens = max_tokens
        self.records = self.characters = self.left_out = 0
        self._cut: set[str] = set()

    def roughly(self, record: R) -> R:
        """The record, each of its texts with at most 16 characters for each token of the bound."""
        most = _TOKEN_CHARACTERS * self.max_tokens
        self.records += 1
        self.characters += sum(map(len, _texts(record)))
        prompt, *responses = self._turns(record)
        if any(len(turn.text) > most for turn in responses):
            responses = _from_difference(responses)
        return self._counted(record, [turn.cut(most) for turn in (prompt, *responses)])

    def exactly(self, record: R, tokenizer: TextTokenizer, most_learned: int | None = None) -> R:
        """The record with at most `max_tokens` tokens, of which at most `most_learned` are learned.

        Prompt and completion have half of the bound each, and what the other one leaves; a prompt alone has half.

        Raises:
            TracesError: the marks of the turns alone have more tokens.
        """
        begin = 0 if tokenizer.bos_id is None else 1
        half = (self.max_tokens - begin) // 2
        prompt, learned = _tokens(record, tokenizer, half)
        most = min(max(half, self.max_tokens - begin - prompt), most_learned or self.max_tokens)
        if begin + prompt + learned <= self.max_tokens and learned <= most:
            return record
        opening, *responses = self._turns(record)
        if learned > most:
            responses = _from_difference(responses)
        texts = [opening.fitted(max(half, self.max_tokens - begin - min(learned, most)), tokenizer)]
        found = self._counted(record, texts + [turn.fitted(most, tokenizer) for turn in responses])
        if (size := begin + sum(_tokens(found, tokenizer, half))) > self.max_tokens:
            raise TracesError(
                f"id {record.id}: {size} tokens with hardly any text between the marks of its turns, max_tokens is "
                f"{self.max_tokens}; raise it, or take a tokenizer of {self.template.name}'s family"
            )
        return found

    @property
    def facts(self) -> dict[str, int]:
        """What a report says."""
        return {"max_tokens": self.max_tokens, "records_cut": len(self._cut), "characters_left_out": self.left_out}

    @property
    def note(self) -> str:
        """A line for a person; empty if no record was cut."""
        if not self._cut:
            return ""
        return (
            f"{len(self._cut)} of {self.records} records are longer than max_tokens {self.max_tokens}: their middles, "
            f"{self.left_out:,} of {self.characters:,} characters, were left out"
        )

    def _turns(self, record: R) -> list[_Turn]:
        """The prompt's turn, and what is learned of the model's turn after it: one text, two of a pair, or none."""
        prompt, *responses = _texts(record)
        template: Template = self.template
        opened = _Turn(template.user_open, prompt, template.user_close + template.model_open).inner()
        return [opened, *(_Turn("", text, template.model_close).inner() for text in responses)]

    def _counted(self, record: R, texts: Sequence[str]) -> R:
        """The record with these texts."""
        held = _texts(record)
        if held == list(texts):
            return record
        self.left_out += sum(map(len, held)) - sum(map(len, texts))
        self._cut.add(record.id)
        return _with_texts(record, texts)


def _from_difference(turns: list[_Turn]) -> list[_Turn]:
    """The responses of a pair from right before where they differ, so that cut ones still differ."""
    if len(turns) < 2:
        return turns
    chosen, rejected = (turn.text for turn in turns)
    pairs = enumerate(zip(chosen, rejected, strict=False))
    shared = next((place for place, (one, other) in pairs if one != other), min(len(chosen), len(rejected)))
    shared = max(shared - 1, 0)
    return [turn._replace(text=turn.text[shared:]) for turn in turns]


def _tokens(
    record: SftRecord | TunixDpoRecord | TunixGrpoRecord, tokenizer: TextTokenizer, none: int
) -> tuple[int, int]:
    """How many tokens the prompt has, and the longest response; `none` if there is no response."""
    prompt, *responses = (len(tokenizer.encode(text)) for text in _texts(record))
    return prompt, max(responses, default=none)


def _texts(record: SftRecord | TunixDpoRecord | TunixGrpoRecord) -> list[str]:
    if isinstance(record, SftRecord):
        return [record.prompt, record.completion]
    if isinstance(record, TunixDpoRecord):
        return [record.prompts, record.chosen_responses, record.rejected_responses]
    return [record.prompts]


def _with_texts(record: R, texts: Sequence[str]) -> R:
    if isinstance(record, SftRecord):
        return replace(record, prompts="".join(texts), completion_start=len(texts[0]))
    if isinstance(record, TunixDpoRecord):
        return replace(record, prompts=texts[0], chosen_responses=texts[1], rejected_responses=texts[2])
    return replace(record, prompts=texts[0])
