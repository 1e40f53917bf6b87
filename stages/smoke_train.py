"""smoke_train: real Tunix steps on a tiny model. The data really trains, or this stage fails.

Reads data/export/tunix_sft/ and the gate's report; writes reports/smoke_train.json and the loss curve
reports/smoke_loss.csv. It is the last stage, and nothing waits for it.
"""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

from stages.params.models import Params
from stages.paths import EXPORT, SMOKE_LOSS, SMOKE_TRAIN, VALIDATION
from stages.runtime.run import run_stage
from traces.errors import TracesError
from traces.files import write_text
from training.install import require_training
from training.sft_smoke import run_smoke

# Losses after ten steps were seen to differ by a millionth between instruction sets.
DECIMALS = 3


def work(params: Params) -> None:
    require_gate(params, "tunix_sft")
    require_training()
    prepare_jax()
    smoke = params.smoke_train
    run, bound = run_smoke(
        EXPORT / "tunix_sft",
        split="train",
        samples=smoke.samples,
        steps=smoke.steps,
        template=params.render.template,
        lora=smoke.lora,
        max_tokens=smoke.max_tokens,
    )
    from training.smoke.sft import CHECKS

    facts = {
        "model": run.family,
        "mode": run.mode,
        "samples": run.samples,
        "steps": smoke.steps,
        "vocabulary": run.vocabulary,
        "tokens": run.length,
        **bound.facts,
        "first_eval_loss": round(run.evals[0], DECIMALS),
        "last_eval_loss": round(run.evals[-1], DECIMALS),
        "checked": CHECKS,
    }
    write_text(SMOKE_TRAIN, json.dumps(facts, indent=2) + "\n")
    curve = [f"{step},{loss:.{DECIMALS}f}" for step, loss in enumerate(run.losses, 1)]
    write_text(SMOKE_LOSS, "\n".join(["step,loss", *curve]) + "\n")


def require_gate(params: Params, *formats: str) -> None:
    """Refuse data that the gate has not passed, or that is not exported as these formats.

    Raises:
        TracesError: it is so.
    """
    for name in formats:
        if name not in params.export.formats:
            raise TracesError(
                f"params.yaml: export.formats has no {name} to train on; add it, or `dvc repro validate` goes without"
            )
    if not json.loads(VALIDATION.read_bytes())["valid"]:
        raise TracesError(f"{VALIDATION}: the gate found faults; mend them first")


def prepare_jax() -> None:
    """The same figures everywhere: on the CPU, by instructions that all of the last ten years have.

    What was compiled is kept for the next run; experiments run elsewhere, and find it by DVC_ROOT.
    """
    os.environ["JAX_PLATFORMS"] = "cpu"
    if platform.machine() in ("x86_64", "AMD64"):
        os.environ["XLA_FLAGS"] = "--xla_cpu_max_isa=AVX2"
    cache = Path(os.environ.get("DVC_ROOT", ".")) / ".cache" / "jax"
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache.absolute()))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


if __name__ == "__main__":
    run_stage("smoke_train", work)
