"""A supervised smoke run: a few real steps of Tunix's `PeftTrainer`, and the checks that they were real."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from tunix.sft.metrics_logger import MetricsLogger
from tunix.sft.peft_trainer import PeftTrainer, TrainingConfig, TrainingInput

from traces.errors import one_line
from training.sft_data import model_inputs, sft_dataset
from training.smoke.checks import (
    FROZEN_BY_LORA,
    check_frozen,
    check_gradient,
    check_inputs,
    check_lora,
    check_losses,
    check_moved,
    check_record,
    check_steps,
    check_tokens,
    entropy,
    leaves,
)
from training.smoke.models import embeddings, tiny_model, with_lora
from training.templates import Template
from training.tokenizers import TextTokenizer
from training.tokens import SftRecord, Tokens, tokenise

BATCH_SIZE = 8
LEARNING_RATE = {"full": 1e-2, "lora": 1e-2}
# What a run that trains was seen to exceed by far: 37 % and 10 % in ten steps.
FALL = {"full": 0.2, "lora": 0.05}
CHECKS = (
    "each record ends its prompt in the open model turn and its completion in the turn's end",
    "token ids are within the vocabulary",
    "the learned tokens decode to the model's turn, its end included, no padding",
    "attention and positions come from the tokens",
    "the gradient on the logits is that of the mask, shifted by one",
    "every step was trained",
    "every trained weight moved",
    "losses and gradient norms are positive numbers",
    "the first eval loss is that of a guess, and it falls",
)


@dataclass(frozen=True)
class SmokeRun:
    """What a run came to. `losses` are those of the steps, `evals` those before the first and after the last."""

    family: str
    mode: str
    samples: int
    vocabulary: int
    length: int
    losses: list[float]
    norms: list[float]
    evals: list[float]


def smoke_sft(
    records: Sequence[SftRecord],
    tokenizer: TextTokenizer,
    template: Template,
    family: str,
    *,
    steps: int,
    lora: bool = False,
    on_step: Callable[[int, float], None] = lambda *_: None,
) -> SmokeRun:
    """Train a tiny model of `family` on the records; `on_step` is told each step's number and loss.

    Raises:
        CheckFailed: a check found that this is no training.
    """
    vocabulary = embeddings(tokenizer.vocab_size)
    for record in records:
        check_record(record, template)
        check_tokens(record, tokenise(record, tokenizer), tokenizer, vocabulary, template)
    train = sft_dataset(records, tokenizer, batch_size=min(BATCH_SIZE, len(records)), seed=0)
    held = sft_dataset(records, tokenizer, batch_size=min(BATCH_SIZE, len(records)), epochs=1)
    model = tiny_model(family, vocabulary)
    model = with_lora(model) if lora else model
    trainer = make_trainer(model, model_inputs(tokenizer), steps, "lora" if lora else "full", on_step)
    check_batch(trainer, next(iter(held)), records, tokenizer, template, vocabulary)
    return run_trainer(trainer, train, list(held), records, family, steps, vocabulary)


def spelling_note(records: Sequence[SftRecord], tokenizer: TextTokenizer) -> str:
    """A line for a person if the tokenizer writes a model's turn otherwise than the record does; else empty."""
    changed = 0
    example = ""
    for record in records:
        said = tokenizer.decode(tokenizer.encode(record.completion))
        if said != record.completion:
            changed += 1
            example = example or f"{one_line(record.completion, 60)!r} as {one_line(said, 60)!r}"
    if not changed:
        return ""
    return (
        f"the tokenizer changes the text of {changed} of {len(records)} records, and a model learns its spelling: "
        f"{example}"
    )


class TellingLogger(MetricsLogger):  # type: ignore[misc]  # it has no types
    """Tunix's own, which also tells the number and loss of each step as soon as Tunix writes them."""

    def __init__(self, on_step: Callable[[int, float], None]) -> None:
        super().__init__()
        self.on_step, self.steps = on_step, 0

    def log(self, metrics_prefix: str, metric_name: str, scalar_value: Any, mode: Any, step: int) -> None:
        super().log(metrics_prefix, metric_name, scalar_value, mode, step)
        if (metric_name, str(mode)) == ("loss", "train"):
            self.steps += 1
            self.on_step(self.steps, float(scalar_value))


def make_trainer(
    model: nnx.Module,
    inputs: Callable[[TrainingInput], dict[str, Any]],
    steps: int,
    mode: str,
    on_step: Callable[[int, float], None] = lambda *_: None,
) -> Any:
    """Tunix's trainer, without a checkpoint: a folder that was used before would be resumed, and train nothing."""
    config = TrainingConfig(
        eval_every_n_steps=steps, max_steps=steps, checkpoint_root_directory=None, pbar_description=None
    )
    trainer = PeftTrainer(model, optax.adamw(LEARNING_RATE[mode]), config, TellingLogger(on_step))
    return trainer.with_gen_model_input_fn(inputs)


def check_batch(
    trainer: Any,
    batch: TrainingInput,
    records: Sequence[SftRecord],
    tokenizer: TextTokenizer,
    template: Template,
    vocabulary: int,
) -> None:
    """The first batch as the trainer will get it: its rows are the first records, padded."""
    for record, ids, learned in zip(records, batch.input_tokens, batch.input_mask, strict=False):
        check_tokens(record, Tokens(ids, learned), tokenizer, vocabulary, template)
    held = TrainingInput(input_tokens=jnp.asarray(batch.input_tokens), input_mask=jnp.asarray(batch.input_mask))
    inputs = trainer.gen_model_input_fn(held)
    check_inputs(inputs, np.asarray(batch.input_tokens), tokenizer.pad_id)
    check_gradient(trainer.loss_fn, inputs, vocabulary)


def run_trainer(
    trainer: Any,
    train: Iterable[TrainingInput],
    held: list[TrainingInput],
    records: Sequence[SftRecord],
    family: str,
    steps: int,
    vocabulary: int,
) -> SmokeRun:
    """Train, then hold the trainer and its model to the checks."""
    lora = bool(leaves(trainer.model, nnx.LoRAParam))
    trained = nnx.LoRAParam if lora else nnx.Param
    before, base = leaves(trainer.model, trained), leaves(trainer.model, FROZEN_BY_LORA)
    trainer.train(train, held)
    history = trainer.metrics_logger.get_metric_history
    losses, norms, evals = (
        [float(value) for value in history("", name, mode)]
        for name, mode in (("loss", "train"), ("grad_norm", "train"), ("loss", "eval"))
    )
    check_steps(trainer.train_steps, steps)
    if lora:
        check_frozen(base, leaves(trainer.model, FROZEN_BY_LORA))
        check_lora(before, leaves(trainer.model, trained))
    else:
        check_moved(before, leaves(trainer.model, trained))
    mode = "lora" if lora else "full"
    learned = np.concatenate([np.asarray(batch.input_tokens)[np.asarray(batch.input_mask)] for batch in held])
    check_losses(losses, norms, evals, vocabulary, FALL[mode], entropy(learned))
    return SmokeRun(family, mode, len(records), vocabulary, held[0].input_tokens.shape[1], losses, norms, evals)
