"""A `tunix_dpo` export as Tunix's `DPOTrainer` reads it, tokenised here.

Given strings, the trainer puts a begin token before each response, no end behind it, and cuts long prompts from their
end, where the question is; given tokens it takes them as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grain
import numpy as np
import numpy.typing as npt
from tunix.sft.dpo.dpo_trainer import TrainingInput

from traces.errors import TracesError
from training.formats.tunix_dpo import TunixDpoRecord
from training.records import open_export
from training.tokenizers import TextTokenizer
from training.tokens import Marks, padded_length

EXPORT = "data/export/tunix_dpo"
_log = logging.getLogger(__name__)

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Lengths:
    """How many tokens a batch has room for: left of where the model's turn opens, and right of it."""

    prompt: int
    response: int


class DpoDataset:
    """Batches of Tunix's `TrainingInput` for DPO: ids int32 and masks bool, of shape [batch_size, length]."""

    def __init__(self, examples: grain.MapDataset[Any], batch_size: int, lengths: Lengths) -> None:
        self.examples, self.batch_size, self.lengths = examples, batch_size, lengths

    def __iter__(self) -> Iterator[TrainingInput]:
        batches = self.examples.batch(self.batch_size, drop_remainder=True)
        for held in batches.to_iter_dataset(grain.ReadOptions(num_threads=0)):
            yield TrainingInput(**held)


def load_pairs(source: str | Path = EXPORT, split: str | None = None) -> Sequence[TunixDpoRecord]:
    """The records of a `tunix_dpo` export (a folder, a file or a pattern), read where they lie.

    Raises:
        TracesError: there are none.
    """
    return open_export(source, split, TunixDpoRecord, "tunix_dpo")


def dpo_dataset(
    source: str | Path | Sequence[TunixDpoRecord],
    tokenizer: TextTokenizer,
    *,
    batch_size: int,
    split: str | None = None,
    max_tokens: int | None = None,
    seed: int | None = None,
    epochs: int | None = None,
) -> DpoDataset:
    """The pairs of a `tunix_dpo` export, ready for Tunix's `DPOTrainer`.

    Prompts are padded on their left, responses on their right. A pair of which prompt and longer response have more
    than `max_tokens` tokens is left out, and a warning says how many were. `seed` None: in the export's order.
    `epochs` None: repeated without end, so that a trainer stops by its `max_steps`. A last, smaller batch is left out,
    since it would be compiled for.

    Raises:
        TracesError: there are no pairs, too few for a batch, or one was rendered with another family's template than
            the tokenizer's.
    """
    pairs = load_pairs(source, split) if isinstance(source, str | Path) else source
    kept, lengths = _survey(pairs, tokenizer, max_tokens)
    if len(kept) < len(pairs):
        _log.warning(
            "of %d pairs %d dropped: longer than max_tokens %s", len(pairs), len(pairs) - len(kept), max_tokens
        )
    if len(kept) < batch_size:
        raise TracesError(f"{len(kept)} of {len(pairs)} pairs can be used, batch_size is {batch_size}")
    examples = grain.MapDataset.source(kept)
    if seed is not None:
        examples = examples.seed(seed).shuffle()
    examples = examples.map(_ToInput(pairs, tokenizer, lengths))
    return DpoDataset(examples.repeat(epochs) if epochs != 1 else examples, batch_size, lengths)


def pair_tokens(pair: TunixDpoRecord, tokenizer: TextTokenizer) -> tuple[Ids, Ids, Ids]:
    """Ids of the prompt, after a begin token where the family has one, and of both responses, their ends included."""
    begin = [] if tokenizer.bos_id is None else [tokenizer.bos_id]
    prompt = begin + tokenizer.encode(pair.prompts)
    chosen, rejected = (tokenizer.encode(text) for text in (pair.chosen_responses, pair.rejected_responses))
    return np.array(prompt, np.int32), np.array(chosen, np.int32), np.array(rejected, np.int32)


@dataclass(frozen=True)
class _ToInput:
    """The number of a pair as one example."""

    pairs: Sequence[TunixDpoRecord]
    tokenizer: TextTokenizer
    lengths: Lengths

    def __call__(self, number: int) -> dict[str, npt.NDArray[Any]]:
        prompt, chosen, rejected = pair_tokens(self.pairs[int(number)], self.tokenizer)
        example: dict[str, npt.NDArray[Any]] = {}
        for name, ids, length in (
            ("prompt", prompt, self.lengths.prompt),
            ("chosen", chosen, self.lengths.response),
            ("rejected", rejected, self.lengths.response),
        ):
            missing = length - len(ids)
            sides = (missing, 0) if name == "prompt" else (0, missing)
            example[f"{name}_ids"] = np.pad(ids, sides, constant_values=self.tokenizer.pad_id)
            example[f"{name}_mask"] = np.pad(np.ones(len(ids), np.bool_), sides)
        return example


def _survey(
    pairs: Sequence[TunixDpoRecord], tokenizer: TextTokenizer, max_tokens: int | None
) -> tuple[npt.NDArray[np.int64], Lengths]:
    """Which pairs are used, and the lengths that all are padded to."""
    kept: list[int] = []
    marks = Marks(tokenizer)
    longest_prompt = longest_response = 0
    for number, pair in enumerate(pairs):
        marks.check(pair.prompts, pair.id)
        prompt, *responses = map(len, pair_tokens(pair, tokenizer))
        if max_tokens is None or prompt + max(responses) <= max_tokens:
            kept.append(number)
            longest_prompt, longest_response = max(longest_prompt, prompt), max(longest_response, *responses)
    return np.array(kept, dtype=np.int64), Lengths(padded_length(longest_prompt), padded_length(longest_response))
