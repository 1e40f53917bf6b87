"""A `tunix_sft` export as Tunix trains on it: tokens, loss mask, batches shuffled by seed, resumable.

All that a training script needs is in this one module; docs/training.md has one.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grain
import jax
import numpy as np
import numpy.typing as npt
from tunix.sft.peft_trainer import TrainingInput
from tunix.sft.utils import build_positions_from_mask, make_causal_attn_mask

from traces.errors import TracesError
from training.records import JsonLines, open_export
from training.tokenizers import TextTokenizer, load_tokenizer, train_tokenizer
from training.tokens import Limit, Marks, OverLong, SftRecord, Tokens, fit, pad, padded_length, tokenise, uncut_tokens

__all__ = ["SftDataset", "load_records", "load_tokenizer", "model_inputs", "sft_dataset", "train_tokenizer"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lengths:
    """How long the records are, and what became of them. `longest` counts tokens, before any cut."""

    records: int
    kept: int
    dropped: int
    truncated: int
    longest: int


class SftDataset:
    """Batches of `TrainingInput`, int32 tokens and bool loss mask, both of shape [batch_size, length].

    Iterating gives `numpy` arrays. `iter()` of it is Grain's own iterator: `get_state()` and `set_state()` go on
    where a run stopped. `lengths` says what was dropped and truncated.
    """

    def __init__(self, examples: grain.MapDataset[Any], batch_size: int, lengths: Lengths, length: int) -> None:
        self.examples, self.batch_size, self.lengths, self.length = examples, batch_size, lengths, length

    def __len__(self) -> int:
        """How many batches an epoch has; the last, smaller one is left out, since it would be compiled for."""
        return self.lengths.kept // self.batch_size

    def __iter__(self) -> Iterator[TrainingInput]:
        batches = self.examples.batch(self.batch_size, drop_remainder=True)
        iterator: Iterator[TrainingInput] = iter(batches.to_iter_dataset(grain.ReadOptions(num_threads=0)))
        return iterator


def load_records(source: str | Path, split: str | None = None) -> JsonLines[SftRecord]:
    """The records of a `tunix_sft` export (a folder, a file or a pattern), read where they lie.

    Raises:
        TracesError: there are none.
    """
    return open_export(source, split, SftRecord, "tunix_sft")


def sft_dataset(
    source: str | Path | Sequence[SftRecord],
    tokenizer: TextTokenizer,
    *,
    batch_size: int,
    split: str | None = None,
    max_tokens: int | None = None,
    over_long: OverLong = "drop",
    seed: int | None = None,
    epochs: int | None = None,
) -> SftDataset:
    """The records of a `tunix_sft` export, ready for Tunix's `PeftTrainer`.

    `source` is the export's folder, a file or a pattern, or a sequence of records.

    Every record is read and tokenised once, to know how long it is: so the number of batches is exact and what
    is dropped is counted before training begins. `max_tokens` None: as long as the longest. `over_long` "truncate":
    a longer record loses the front of its question, see `training.tokens.fit`. `seed` None: in
    the export's order. `epochs` None: repeated without end, so that a trainer stops by its `max_steps`.

    Raises:
        TracesError: there are no records, too few for a batch, one is too long and `over_long` is `raise`, or
            one was rendered with another family's template than the tokenizer's.
    """
    records = load_records(source, split) if isinstance(source, str | Path) else source
    name = f"{source}" if isinstance(source, str | Path) else "the records"
    limit = None if max_tokens is None else Limit(max_tokens, over_long)
    chosen, lengths, length = _survey(records, tokenizer, limit)
    if lengths.kept < batch_size:
        raise TracesError(
            f"{name}: {lengths.kept} of {lengths.records} records can be used, batch_size is {batch_size}; "
            f"the longest has {lengths.longest} tokens, max_tokens is {max_tokens}"
            f"{_why_none(records, tokenizer, limit)}"
        )
    if lengths.dropped or lengths.truncated:
        _log.warning(
            "%s: of %d records %d dropped, %d truncated: longer than max_tokens %s",
            name, lengths.records, lengths.dropped, lengths.truncated, max_tokens,
        )  # fmt: skip
    examples = grain.MapDataset.source(_Chosen(records, chosen))
    if seed is not None:
        examples = examples.seed(seed).shuffle()
    examples = examples.map(_ToInput(tokenizer, limit, length))
    return SftDataset(examples.repeat(epochs) if epochs != 1 else examples, batch_size, lengths, length)


def model_inputs(tokenizer: TextTokenizer) -> Callable[[TrainingInput], dict[str, Any]]:
    """What `PeftTrainer.with_gen_model_input_fn` asks for.

    `TrainingInput.input_mask` says what is learned, and nothing else: positions and attention come from the
    tokens that are no padding. Made from the mask, the model could not see the prompt.
    """
    pad_id = tokenizer.pad_id

    def inputs(batch: TrainingInput) -> dict[str, Any]:
        present: jax.Array = batch.input_tokens != pad_id
        return {
            "input_tokens": batch.input_tokens,
            "input_mask": batch.input_mask,
            "positions": build_positions_from_mask(present),
            "attention_mask": make_causal_attn_mask(present),
        }

    return inputs


class _Chosen(Sequence[SftRecord]):
    """Those of the records that are used, by number."""

    def __init__(self, records: Sequence[SftRecord], numbers: npt.NDArray[np.int64]) -> None:
        self.records, self.numbers = records, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> SftRecord:  # type: ignore[override]  # Grain slices by itself
        return self.records[int(self.numbers[index])]


@dataclass(frozen=True)
class _ToInput:
    """A record as one example: tokens and loss mask, aligned (the loss itself shifts by one), padded."""

    tokenizer: TextTokenizer
    limit: Limit | None
    length: int

    def __call__(self, record: SftRecord) -> TrainingInput:
        tokens = _fitted(record, self.tokenizer, self.limit)
        if tokens is None:
            raise TracesError(f"id {record.id}: changed since its length was taken")
        ids, learned = pad(tokens, self.length, self.tokenizer.pad_id)
        return TrainingInput(input_tokens=ids, input_mask=learned)


def _fitted(record: SftRecord, tokenizer: TextTokenizer, limit: Limit | None) -> Tokens | None:
    tokens = tokenise(record, tokenizer)
    return tokens if limit is None else fit(record, tokens, tokenizer, limit)


def _why_none(records: Sequence[SftRecord], tokenizer: TextTokenizer, limit: Limit | None) -> str:
    """What truncating leaves alone, for a message that says that too few records are left."""
    if limit is None or limit.over_long != "truncate" or not records:
        return ""
    return (
        "; truncating cuts the question only, and never the answer, the marks of the turns or the system text "
        f"(the last two have {uncut_tokens(records[0], tokenizer)} tokens)"
    )


def _survey(
    records: Sequence[SftRecord], tokenizer: TextTokenizer, limit: Limit | None
) -> tuple[npt.NDArray[np.int64], Lengths, int]:
    """Which records are used, what became of the others, and the length that all are padded to."""
    kept, marks = array("q"), Marks(tokenizer)
    truncated = longest = longest_kept = 0
    for number, record in enumerate(records):
        marks.check(record.prompt, record.id)
        tokens = tokenise(record, tokenizer)
        longest = max(longest, len(tokens.ids))
        fitted = tokens if limit is None else fit(record, tokens, tokenizer, limit)
        if fitted is not None:
            kept.append(number)
            truncated += len(fitted.ids) < len(tokens.ids)
            longest_kept = max(longest_kept, len(fitted.ids))
    length = padded_length(longest_kept)
    if limit is not None:
        length = min(length, limit.max_tokens)
    lengths = Lengths(len(records), len(kept), len(records) - len(kept), truncated, longest)
    return np.frombuffer(kept, dtype=np.int64), lengths, length
