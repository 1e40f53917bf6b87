"""A preference smoke run: a few real steps of Tunix's `DPOTrainer`, and the checks that they were real."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import optax
from flax import nnx
from tunix.sft.dpo.dpo_trainer import DPOTrainer, DPOTrainingConfig, TrainingInput
from tunix.sft.metrics_logger import MetricsLogger

from training.dpo_data import dpo_dataset
from training.formats.tunix_dpo import TunixDpoRecord, tunix_dpo_fault
from training.smoke.checks import CheckFailed, check_moved, check_steps, leaves
from training.smoke.models import embeddings, tiny_model
from training.templates import Template
from training.tokenizers import TextTokenizer

STEPS = 10
PAIRS = 8  # a step
_BETA = 0.1
# Of the last loss against the first; seen to be far more.
_FALL = 0.05


@dataclass(frozen=True)
class DpoRun:
    """What a run came to: the loss of each step, and how many weights there are."""

    family: str
    vocabulary: int
    losses: list[float]
    weights: int


def smoke_dpo(
    pairs: Sequence[TunixDpoRecord], tokenizer: TextTokenizer, template: Template, family: str, steps: int = STEPS
) -> DpoRun:
    """Train a tiny model to prefer the chosen responses, `PAIRS` a step or all that there are.

    Raises:
        CheckFailed: a pair is none, or this was no preference training.
    """
    vocabulary = embeddings(tokenizer.vocab_size)
    for pair in pairs:
        if fault := tunix_dpo_fault({name: getattr(pair, name) for name in pair.__struct_fields__}, template):
            raise CheckFailed(f"id {pair.id}: {fault}")
    size = min(PAIRS, len(pairs))
    check_batch(next(iter(dpo_dataset(pairs, tokenizer, batch_size=size))), pairs, tokenizer, vocabulary)
    model, reference = tiny_model(family, vocabulary), tiny_model(family, vocabulary)
    losses = train(model, reference, dpo_dataset(pairs, tokenizer, batch_size=size, seed=0), steps)
    return DpoRun(family, tokenizer.vocab_size, losses, len(leaves(model, nnx.Param)))


def check_batch(
    batch: TrainingInput, pairs: Sequence[TunixDpoRecord], tokenizer: TextTokenizer, vocabulary: int
) -> None:
    """The batch's rows are the first pairs: what its masks show is their text, begun once, and nothing else."""
    for row, pair in enumerate(pairs[: len(batch.prompt_ids)]):
        begin = [] if tokenizer.bos_id is None else [tokenizer.bos_id]
        for name, text, ids, mask in (
            ("prompts", pair.prompts, batch.prompt_ids, batch.prompt_mask),
            ("chosen_responses", pair.chosen_responses, batch.chosen_ids, batch.chosen_mask),
            ("rejected_responses", pair.rejected_responses, batch.rejected_ids, batch.rejected_mask),
        ):
            held: list[int] = np.asarray(ids)[row][np.asarray(mask)[row].astype(bool)].tolist()
            wanted = begin if name == "prompts" else []
            if held[: len(wanted)] != wanted or held[len(wanted) :] != tokenizer.encode(text):
                raise CheckFailed(f"id {pair.id}: the tokens of {name} are not those of its text")
            if max(held) >= vocabulary:
                raise CheckFailed(f"id {pair.id}: token {max(held)} is past the model's vocabulary of {vocabulary}")


def train(model: nnx.Module, reference: nnx.Module, batches: object, steps: int) -> list[float]:
    """Train, then hold the trainer and both models to the checks. Returns the loss of each step."""
    config = DPOTrainingConfig(
        eval_every_n_steps=steps + 1, max_steps=steps, beta=_BETA, checkpoint_root_directory=None, pbar_description=None
    )
    # Plain Adam: a decay of weights would move them where no preference does.
    trainer = DPOTrainer(model, reference, optax.adam(1e-3), config)
    trainer.metrics_logger = MetricsLogger()
    before, anchor = leaves(model, nnx.Param), leaves(reference, nnx.Param)
    trainer.train(batches, None)
    losses = [float(loss) for loss in trainer.metrics_logger.get_metric_history("", "loss", "train")]
    check_steps(trainer.train_steps, steps)
    check_losses(losses)
    check_moved(before, leaves(model, nnx.Param))
    if moved := [
        path for path, value in leaves(reference, nnx.Param).items() if not np.array_equal(value, anchor[path])
    ]:
        raise CheckFailed(f"{len(moved)} weights of the reference moved: {', '.join(moved[:3])}")
    return losses


def check_losses(losses: Sequence[float]) -> None:
    """The first loss is ln 2, that of a policy which is still its reference, and it falls."""
    if not math.isclose(losses[0], math.log(2), abs_tol=1e-6):
        raise CheckFailed(f"the first loss is {losses[0]:.6f}, not ln 2: the policy does not begin as its reference")
    if not all(math.isfinite(loss) for loss in losses):
        raise CheckFailed(f"a loss is no number: {[round(loss, 3) for loss in losses]}")
    if losses[-1] > losses[0] * (1 - _FALL):
        raise CheckFailed(f"the loss went from {losses[0]:.3f} to {losses[-1]:.3f}: it must fall by {_FALL:.0%}")
