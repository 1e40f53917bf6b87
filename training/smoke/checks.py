"""Checks that a run which only looks like training cannot pass. Each raises `CheckFailed` with its own message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx

from traces.errors import TracesError, one_line
from training.templates import Template, template_of
from training.tokenizers import TextTokenizer
from training.tokens import SftRecord, Tokens, learned_text

# Of the first loss against that of a uniform guess, ln(vocabulary): what random weights of this scale differ by.
_FIRST_LOSS_MARGIN = 0.3


class CheckFailed(TracesError):
    """The run is not one that trains, or the data is not what it should be."""


def check_record(record: SftRecord, template: Template, where: str | None = None) -> None:
    """The text before `completion_start` ends in the open model turn, the rest ends that turn."""
    where = where or f"id {record.id}"
    if not record.prompt.endswith(template.model_open):
        found = template_of(record.prompt)
        raise CheckFailed(
            f"{where}: rendered with {found.name}, not {template.name}; say --template {found.name}, or in params.yaml "
            f"render.template: {found.name}"
            if found
            else f"{where}: the text before completion_start does not end in {template.model_open!r}, "
            f"the open model turn of {template.name}"
        )
    if not record.completion.endswith(template.model_close):
        raise CheckFailed(f"{where}: the text after completion_start does not end in {template.model_close!r}")


def check_tokens(
    record: SftRecord, tokens: Tokens, tokenizer: TextTokenizer, vocabulary: int, template: Template
) -> None:
    """The tokens are the model's to know, and those that are learned are exactly those of the model's turn.

    Tokens are compared, and not texts: a tokenizer may normalise what it reads (Unicode forms, case, blanks).
    """
    where = f"id {record.id}"
    if (largest := int(tokens.ids.max())) >= vocabulary:
        # Such a target has no logit: its loss is 0, and nothing complains.
        raise CheckFailed(f"{where}: token {largest} is past the model's vocabulary of {vocabulary}")
    if not tokens.learned.any():
        raise CheckFailed(f"{where}: the mask is zero, nothing would be learned")
    wanted = tokenizer.encode(record.completion)
    held: list[int] = tokens.ids[tokens.learned].tolist()
    if held == wanted:
        return
    if tokenizer.pad_id in held:
        raise CheckFailed(f"{where}: padding would be learned")
    for distance in (-1, 1):
        if tokens.ids[np.roll(tokens.learned, distance)].tolist() == wanted:
            raise CheckFailed(f"{where}: the mask is shifted by one against the tokens; Tunix's loss shifts by itself")
    if held == wanted[: -len(tokenizer.encode(template.model_close))]:
        raise CheckFailed(f"{where}: the end of the turn ({template.model_close}) would not be learned")
    raise CheckFailed(
        f"{where}: the mask is broken: {one_line(learned_text(tokens, tokenizer), 60)!r} would be learned, the model's "
        f"turn is {one_line(record.completion, 60)!r}"
    )


def check_inputs(inputs: Mapping[str, Any], tokens: npt.NDArray[np.int32], pad_id: int) -> None:
    """Every token sees all before it that is no padding, at its own position. Arrays of shape [batch, length]."""
    present = tokens != pad_id
    length = tokens.shape[1]
    expected = present[:, None, :] & np.tri(length, dtype=np.bool_)[None]
    if not np.array_equal(np.asarray(inputs["attention_mask"]), expected):
        raise CheckFailed("attention does not reach every token before: is it made from the loss mask?")
    positions = np.asarray(inputs["positions"])
    if not np.array_equal(positions[present], (np.cumsum(present, axis=1) - 1)[present]):
        raise CheckFailed("positions do not count the tokens: are they made from the loss mask?")


def check_gradient(loss_fn: Callable[..., jax.Array], inputs: Mapping[str, Any], vocabulary: int) -> None:
    """The loss depends on the logits right before each learned token, and on no other."""
    learned = np.asarray(inputs["input_mask"])
    shape = (*learned.shape, vocabulary)

    def loss(logits: jax.Array) -> jax.Array:
        return loss_fn(lambda *_: (logits, None), **inputs)

    gradient = np.asarray(jax.grad(loss)(jnp.zeros(shape)))
    support = np.any(gradient != 0, axis=-1)
    wanted = np.pad(learned[:, 1:], ((0, 0), (0, 1)))
    if not np.array_equal(support, wanted):
        missed, extra = int((wanted & ~support).sum()), int((support & ~wanted).sum())
        raise CheckFailed(
            f"the loss does not follow the mask: {missed} learned tokens have no gradient, {extra} others have"
        )


def leaves(model: nnx.Module, kind: Any) -> dict[str, npt.NDArray[Any]]:
    """A copy of the model's variables of a kind, by path."""
    found, _ = jax.tree_util.tree_flatten_with_path(nnx.to_pure_dict(nnx.state(model, kind)))
    return {jax.tree_util.keystr(path): np.array(value) for path, value in found}


FROZEN_BY_LORA = nnx.All(nnx.Param, nnx.Not(nnx.LoRAParam))


def check_moved(before: Mapping[str, npt.NDArray[Any]], after: Mapping[str, npt.NDArray[Any]]) -> None:
    """Every weight that is trained has changed."""
    still = [path for path in before if np.array_equal(before[path], after[path])]
    if still or not before:
        raise CheckFailed(f"{len(still)} of {len(before)} trained weights never moved: {', '.join(still[:3])}")


def check_lora(before: Mapping[str, npt.NDArray[Any]], after: Mapping[str, npt.NDArray[Any]]) -> None:
    """Some adapter has changed. Not every one: the half that multiplies a zero at first moves a step later."""
    if not any(not np.array_equal(before[path], after[path]) for path in before):
        raise CheckFailed(f"none of {len(before)} adapters moved")


def check_frozen(before: Mapping[str, npt.NDArray[Any]], after: Mapping[str, npt.NDArray[Any]]) -> None:
    """No weight under the adapters has changed."""
    moved = [path for path in before if not np.array_equal(before[path], after[path])]
    if moved or not before:
        raise CheckFailed(f"{len(moved)} weights moved that LoRA must leave alone: {', '.join(moved[:3])}")


def check_steps(trained: int, steps: int) -> None:
    """As many steps as were asked for: too little data ends a training without a word."""
    if trained != steps:
        raise CheckFailed(f"{trained} of {steps} steps were trained; is there too little data?")


def entropy(tokens: npt.NDArray[np.integer[Any]]) -> float:
    """What is left of the loss, in nats, if a model knows how frequent each of these tokens is, and nothing else."""
    counts = np.unique(tokens, return_counts=True)[1]
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def check_losses(
    train: Sequence[float],
    norms: Sequence[float],
    evals: Sequence[float],
    vocabulary: int,
    fall: float,
    frequencies: float = 0.0,
) -> None:
    """Losses are numbers, begin at a guess and fall by the fraction `fall`. Not at every step: noise is no fault.

    Text with hardly any pattern, such as random characters, has no loss much below `frequencies`, its `entropy`: half
    of the way from the first loss to that is enough.
    """
    for name, values in (("loss", train), ("gradient norm", norms), ("eval loss", evals)):
        if not values or not all(np.isfinite(value) and value > 0 for value in values):
            raise CheckFailed(f"a {name} is not a positive number: {[round(v, 3) for v in values]}")
    guess = float(np.log(vocabulary))
    if abs(evals[0] - guess) >= _FIRST_LOSS_MARGIN:
        raise CheckFailed(f"the first eval loss is {evals[0]:.3f}, a guess among {vocabulary} tokens has {guess:.3f}")
    if evals[-1] > max(evals[0] * (1 - fall), (evals[0] + frequencies) / 2):
        raise CheckFailed(
            f"the eval loss went from {evals[0]:.3f} to {evals[-1]:.3f} by step {len(train)}: it must fall by "
            f"{fall:.0%}; train for more steps (--steps, or smoke_train.steps in params.yaml)"
        )
