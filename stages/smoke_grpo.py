"""smoke_grpo: two real steps of Tunix's GRPO on a tiny model, by the rewards of training/rewards.py.

Reads data/export/tunix_grpo/, data/export/tunix_sft/ and the gate's report; writes reports/smoke_grpo.json. In a
pipeline file of its own, training/rl/dvc.yaml, which a plain `dvc repro` does not run.
"""

from __future__ import annotations

import json
import sys

from stages.params.models import Params
from stages.paths import EXPORT, SMOKE_GRPO
from stages.runtime.run import run_stage
from stages.smoke_train import DECIMALS, prepare_jax, require_gate
from traces.files import write_text
from training.install import require_training
from training.spread import sampled
from training.templates import load_template
from training.tokenizers import train_tokenizer


def work(params: Params) -> None:
    require_gate(params, "tunix_grpo", "tunix_sft")
    require_training()
    prepare_jax()
    from training.grpo_data import load_prompts
    from training.sft_data import load_records
    from training.smoke.grpo import GENERATIONS, PROMPTS, STEPS, say_briefly, smoke_grpo
    from training.smoke.lengths import LengthBound
    from training.smoke.models import FAMILIES

    template = load_template(params.render.template)
    bound = LengthBound(template, params.smoke_train.max_tokens)
    taught = [
        bound.roughly(one) for one in sampled(load_records(EXPORT / "tunix_sft", "train"), params.smoke_train.samples)
    ]
    prompts = [bound.roughly(one) for one in sampled(load_prompts(EXPORT / "tunix_grpo", "train"), PROMPTS * STEPS)]
    tokenizer = train_tokenizer((record.prompts for record in taught), template)
    taught = say_briefly(taught, tokenizer, bound)
    prompts = [bound.exactly(prompt, tokenizer) for prompt in prompts]
    if bound.note:
        print(f"smoke_grpo: note: {bound.note}", file=sys.stderr)
    run = smoke_grpo(prompts, taught, tokenizer, template, FAMILIES[params.render.template])
    facts = {
        "model": run.family,
        "taught_steps": run.taught_steps,
        "steps": STEPS,
        "prompts": PROMPTS,
        "generations": GENERATIONS,
        "mean_rewards": [round(reward, DECIMALS) for reward in run.rewards],
        "trained_weights": run.weights,
        **bound.facts,
    }
    write_text(SMOKE_GRPO, json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    run_stage("smoke_grpo", work)
