"""smoke_dpo: a few real steps of Tunix's DPO on a tiny model, where the dataset has pairs.

Reads data/export/tunix_dpo/ and the gate's report; writes reports/smoke_dpo.json. In training/rl/dvc.yaml, which a
plain `dvc repro` does not run.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from stages.params.models import Params
from stages.paths import EXPORT, SMOKE_DPO, shards
from stages.runtime.run import run_stage
from stages.smoke_train import DECIMALS, prepare_jax, require_gate
from traces.files import write_text
from training.install import require_training
from training.spread import sampled
from training.templates import load_template
from training.tokenizers import train_tokenizer


def work(params: Params) -> None:
    require_gate(params)
    facts: dict[str, Any] = {"pairs": 0, "steps": 0}
    if any(split == "train" for split, _ in shards("tunix_dpo")):
        facts = train_on_pairs(params)
    else:
        print(
            "smoke_dpo: note: nothing was trained, the train split has no pairs; "
            "docs/training.md says how to export tunix_dpo",
            file=sys.stderr,
        )
    write_text(SMOKE_DPO, json.dumps(facts, indent=2) + "\n")


def train_on_pairs(params: Params) -> dict[str, Any]:
    """The run's report."""
    require_training()
    prepare_jax()
    from training.dpo_data import load_pairs
    from training.smoke.dpo import STEPS, smoke_dpo
    from training.smoke.lengths import LengthBound
    from training.smoke.models import FAMILIES

    template = load_template(params.render.template)
    bound = LengthBound(template, params.smoke_train.max_tokens)
    pairs = [
        bound.roughly(one) for one in sampled(load_pairs(EXPORT / "tunix_dpo", "train"), params.smoke_train.samples)
    ]
    texts = (text for pair in pairs for text in (pair.prompts, pair.chosen_responses, pair.rejected_responses))
    tokenizer = train_tokenizer(texts, template)
    pairs = [bound.exactly(pair, tokenizer) for pair in pairs]
    if bound.note:
        print(f"smoke_dpo: note: {bound.note}", file=sys.stderr)
    run = smoke_dpo(pairs, tokenizer, template, FAMILIES[params.render.template])
    return {
        "model": run.family,
        "pairs": len(pairs),
        "steps": STEPS,
        "first_loss": round(run.losses[0], DECIMALS),
        "last_loss": round(run.losses[-1], DECIMALS),
        "trained_weights": run.weights,
        **bound.facts,
    }


if __name__ == "__main__":
    run_stage("smoke_dpo", work)
