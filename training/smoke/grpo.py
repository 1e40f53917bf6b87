"""A reinforcement smoke run: two real steps of Tunix's GRPO on a tiny model that was taught the format first.

A model with random weights never answers, every reward is 0, no completion is better than another, and there is
nothing to learn from: so it is trained on the same traces for a while before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grain
import jax
import numpy as np
import optax
from flax import nnx
from msgspec.structs import asdict
from tunix.generate.tokenizer_adapter import TokenizerAdapter
from tunix.rl import rl_cluster
from tunix.rl.grpo.grpo_learner import GRPOConfig, GRPOLearner
from tunix.rl.rollout.base_rollout import RolloutConfig

from training.formats.tunix_grpo import TunixGrpoRecord
from training.rewards import legal_move, right_answer
from training.sft_data import model_inputs, sft_dataset
from training.smoke.checks import CheckFailed, check_moved, check_steps, leaves
from training.smoke.lengths import LengthBound
from training.smoke.models import tiny_model
from training.smoke.sft import BATCH_SIZE, make_trainer
from training.templates import Template
from training.tokenizers import SentencePieceTokenizer
from training.tokens import SftRecord, padded_length

STEPS = 2
PROMPTS = 4  # a step
GENERATIONS = 4  # a prompt
TAUGHT_STEPS = 80
# What a tiny model says of a trace is at most this long; the longest prompt decides the rest.
_COMPLETION_TOKENS = 64
# What it is taught of long traces has half of that, so that it comes to the end also if it strays.
_BRIEF_TOKENS = 32
# Rewards that are all alike teach nothing. Then it is taught again: for fewer steps if all are high, else for more.
_OTHER_STEPS = ((30, 160), (12, 320))


@dataclass(frozen=True)
class GrpoRun:
    """What a run came to: the mean reward of each step, how many weights there are, the steps before."""

    family: str
    vocabulary: int
    rewards: list[float]
    weights: int
    taught_steps: int


def smoke_grpo(
    prompts: Sequence[TunixGrpoRecord],
    taught: Sequence[SftRecord],
    tokenizer: SentencePieceTokenizer,
    template: Template,
    family: str,
) -> GrpoRun:
    """Teach a tiny model on `taught`, then train it by reward on `prompts`, `PROMPTS` a step.

    Raises:
        CheckFailed: this was no reinforcement.
    """
    for prompt in prompts:
        check_prompt(prompt, tokenizer, template)
    steps = TAUGHT_STEPS
    for following in (*_OTHER_STEPS, None):
        judge = Judge(prompts)
        moved = reinforce(taught_models(taught, tokenizer, family, steps), judge, prompts, tokenizer, template)
        if following is None or judge.tells_apart():
            break
        # A model that always has the reward was taught too much, one that never has it too little.
        steps = following[0] if judge.given[0][0] else following[1]
    judge.check()
    check_moved(*moved)
    rewards = [float(np.mean(step)) for step in judge.given]
    return GrpoRun(family, tokenizer.vocab_size, rewards, len(moved[0]), steps)


def reinforce(
    models: tuple[nnx.Module, nnx.Module],
    judge: Judge,
    prompts: Sequence[TunixGrpoRecord],
    tokenizer: SentencePieceTokenizer,
    template: Template,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Train the first of the models, the second is its reference. Returns its weights before and after."""
    cluster = make_cluster(*models, prompts, tokenizer, template)
    learner = GRPOLearner(
        rl_cluster=cluster, reward_fns=judge, algo_config=GRPOConfig(num_generations=GENERATIONS, beta=0.04)
    )
    before = leaves(cluster.actor_trainer.model, nnx.Param)
    learner.train(grain.MapDataset.source([asdict(prompt) for prompt in prompts]).batch(PROMPTS))
    check_steps(cluster.actor_trainer.train_steps, STEPS)
    return before, leaves(cluster.actor_trainer.model, nnx.Param)


def check_prompt(record: TunixGrpoRecord, tokenizer: SentencePieceTokenizer, template: Template) -> None:
    """The prompt ends in the open model turn, nothing of the model's turn is in it, and no begin token."""
    where = f"id {record.id}"
    if not record.prompts.endswith(template.model_open):
        raise CheckFailed(f"{where}: prompts does not end in {template.model_open!r}: is it an SFT text?")
    if tokenizer.bos_id in tokenizer.encode(record.prompts):
        raise CheckFailed(f"{where}: prompts holds the begin token, which the sampler adds")


class Judge:
    """The reward, as Tunix calls it, and what it was called with."""

    __name__ = "legal_move_and_right_answer"

    def __init__(self, prompts: Sequence[TunixGrpoRecord]) -> None:
        self.known = {prompt.prompts: prompt for prompt in prompts}
        self.given: list[list[float]] = []

    def __call__(self, prompts: Sequence[str], completions: Sequence[str], **columns: Any) -> list[float]:
        if unknown := [prompt for prompt in prompts if prompt not in self.known]:
            raise CheckFailed(f"a prompt reached the reward that was not exported: {unknown[0][:80]!r}")
        legal = legal_move(completions, **columns)
        right = right_answer(completions, **columns)
        rewards = [a + b for a, b in zip(legal, right, strict=True)]
        self.given.append(rewards)
        return rewards

    def tells_apart(self) -> bool:
        """Whether some completion was better than another of the same prompt."""
        groups = [step[i : i + GENERATIONS] for step in self.given for i in range(0, len(step), GENERATIONS)]
        return any(len(set(group)) > 1 for group in groups)

    def check(self) -> None:
        """Some completion was better than another of the same prompt: otherwise there is nothing to learn."""
        if not self.tells_apart():
            raise CheckFailed(f"every completion of a prompt had the same reward: {self.given}")


def taught_models(
    taught: Sequence[SftRecord], tokenizer: SentencePieceTokenizer, family: str, steps: int
) -> tuple[nnx.Module, nnx.Module]:
    """A tiny model trained on the traces, and an equal one to be the reference."""
    # No embedding without a token: the model may sample it, and Tunix could not decode it.
    model = tiny_model(family, tokenizer.vocab_size)
    trainer = make_trainer(model, model_inputs(tokenizer), steps, "full")
    trainer.train(sft_dataset(taught, tokenizer, batch_size=min(BATCH_SIZE, len(taught)), seed=0))
    reference = tiny_model(family, tokenizer.vocab_size)
    nnx.update(reference, jax.tree.map(lambda leaf: leaf, nnx.state(model)))
    return model, reference


def say_briefly(taught: Sequence[SftRecord], tokenizer: SentencePieceTokenizer, bound: LengthBound) -> list[SftRecord]:
    """The records within the bound; if most say more than the model will, each is cut to half of that.

    A model that was taught long answers would never come to the end of one, and every reward would be 0.
    """
    sizes = sorted(len(tokenizer.encode(record.completion)) for record in taught)
    long = bool(sizes) and sizes[len(sizes) // 2] > _COMPLETION_TOKENS
    return [bound.exactly(record, tokenizer, _BRIEF_TOKENS if long else None) for record in taught]


def make_cluster(
    model: nnx.Module,
    reference: nnx.Module,
    prompts: Sequence[TunixGrpoRecord],
    tokenizer: SentencePieceTokenizer,
    template: Template,
) -> Any:
    """Actor, reference and rollout on one device."""
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]).reshape(1, 1), ("fsdp", "tp"))
    longest = max(len(tokenizer.encode(prompt.prompts)) for prompt in prompts) + 1
    length = padded_length(longest)
    training = rl_cluster.RLTrainingConfig(
        # Plain Adam: a decay of weights would move them where no reward does.
        actor_optimizer=optax.adam(1e-3),
        eval_every_n_steps=STEPS + 1,
        max_steps=STEPS,
        mini_batch_size=PROMPTS,
        train_micro_batch_size=PROMPTS,
    )
    rollout = RolloutConfig(
        max_tokens_to_generate=_COMPLETION_TOKENS,
        max_prompt_length=length,
        kv_cache_size=length + 2 * _COMPLETION_TOKENS,
        temperature=1.0,
        top_p=1.0,
        seed=0,
        eos_tokens=tokenizer.encode(template.model_close),
    )
    roles = (rl_cluster.Role.ACTOR, rl_cluster.Role.REFERENCE, rl_cluster.Role.ROLLOUT)
    config = rl_cluster.ClusterConfig(
        role_to_mesh=dict.fromkeys(roles, mesh), training_config=training, rollout_config=rollout
    )
    return rl_cluster.RLCluster(
        actor=model, reference=reference, tokenizer=TokenizerAdapter(tokenizer.processor), cluster_config=config
    )
