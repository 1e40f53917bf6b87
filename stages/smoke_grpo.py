"""smoke_grpo: two real steps of Tunix's GRPO on a tiny model, by the rewards of training/rewards.py.

Reads data/export/tunix_grpo/, data/export/tunix_sft/ and the gate's report; writes reports/smoke_grpo.json. In a
pipeline file of its own, training/rl/dvc.yaml, which a plain `dvc repro` does not run.
"""

from __future__ import annotations

import json

from stages.params.models import Params
from stages.paths import EXPORT, SMOKE_GRPO
from stages.runtime.run import run_stage
from stages.smoke_train import DECIMALS, prepare_jax, require_gate
from traces.files import write_text
from training.install import require_training
from training.spread import sample
from training.templates import load_template
from training.tokenizers import train_tokenizer


def work(params: Params) -> None:
    require_gate(params, "tunix_grpo", "tunix_sft")
    require_training()
    prepare_jax()
    from training.grpo_data import load_prompts
    from training.sft_data import load_records
    from training.smoke.grpo import GENERATIONS, PROMPTS, STEPS, TAUGHT_STEPS, smoke_grpo
    from training.smoke.models import FAMILIES

    template = load_template(params.render.template)
    taught = sample(load_records(EXPORT / "tunix_sft", "train"), params.smoke_train.samples)
    prompts = sample(load_prompts(EXPORT / "tunix_grpo", "train"), PROMPTS * STEPS)
    tokenizer = train_tokenizer((record.prompts for record in taught), template)
    run = smoke_grpo(prompts, taught, tokenizer, template, FAMILIES[params.render.template])
    facts = {
        "model": run.family,
        "taught_steps": TAUGHT_STEPS,
        "steps": STEPS,
        "prompts": PROMPTS,
        "generations": GENERATIONS,
        "mean_rewards": [round(reward, DECIMALS) for reward in run.rewards],
        "trained_weights": run.weights,
    }
    write_text(SMOKE_GRPO, json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    run_stage("smoke_grpo", work)
