"""A smoke run on an export: `python -m training.sft_smoke FILE --samples 32 --steps 10 [--template gemma] [--lora]`.

Trains a tiny model with the real Tunix, says what it is doing, prints each step's loss, and exits with 0 only if the
run really trained. `JAX_PLATFORMS` chooses CPU, GPU or TPU, as JAX reads it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

try:
    import typer

    from traces.errors import TracesError, WrongUse, one_line, unexpected
    from training.install import require_training
    from training.phases import phase
    from training.spread import spread
    from training.templates import load_template, template_names
except ModuleNotFoundError as fault:
    sys.exit(f"sft_smoke: {sys.executable} lacks {fault.name}; `source .venv/bin/activate` (or `make repro`)")

if TYPE_CHECKING:
    from training.smoke.lengths import LengthBound
    from training.smoke.sft import SmokeRun


def run_smoke(
    source: str | Path,
    *,
    split: str | None,
    samples: int,
    steps: int,
    template: str,
    lora: bool,
    max_tokens: int,
    model: str | None = None,
    tokenizer: str | None = None,
) -> tuple[SmokeRun, LengthBound]:
    """A smoke run on some records of `source`, and what was left out of records of more than `max_tokens` tokens.

    Without a tokenizer one is trained on the records.

    Raises:
        TracesError: the packages, the records or the tokenizer are missing, or a check failed.
    """
    require_training()
    with phase("importing JAX and Tunix"):
        from training.sft_data import load_records, load_tokenizer, train_tokenizer
        from training.smoke.checks import check_record
        from training.smoke.lengths import LengthBound
        from training.smoke.models import FAMILIES
        from training.smoke.sft import smoke_sft, spelling_note

    if model is not None and model not in FAMILIES.values():
        raise WrongUse(f"--model {model}: not one of {', '.join(FAMILIES.values())}")
    chosen = load_template(template)
    held = load_records(source, split)
    numbers = spread(len(held), samples)
    if len(numbers) < samples:
        print(f"{len(numbers)} records, {samples} were asked for")
    bound = LengthBound(chosen, max_tokens)
    records = []
    for number in numbers:  # one at a time, since a record may be large
        record = held[number]
        check_record(record, chosen, f"{held.place(number)}, id {record.id}")
        records.append(bound.roughly(record))
    with phase("loading the tokenizer" if tokenizer else "training a tokenizer on the records"):
        tokens = load_tokenizer(tokenizer) if tokenizer else train_tokenizer((r.prompts for r in records), chosen)
    records = [bound.exactly(record, tokens) for record in records]
    for note in (bound.note, spelling_note(records, tokens)):
        if note:
            print(f"note: {note}")

    def told(step: int, loss: float) -> None:
        print(f"step {step:>3} of {steps}  loss {loss:.3f}", flush=True)

    # What JAX compiles is kept in its cache, so a later run is quicker.
    with phase(f"compiling, then training {steps} steps on {len(records)} records"):
        run = smoke_sft(records, tokens, chosen, model or FAMILIES[template], steps=steps, lora=lora, on_step=told)
    return run, bound


def main(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A tunix_sft export: a file, a folder of SPLIT-*.jsonl, or a pattern in quotes."
        ),
    ],
    samples: Annotated[int, typer.Option(min=1, help="Records to train on.")] = 32,
    steps: Annotated[int, typer.Option(min=1, help="Steps to train.")] = 10,
    template: Annotated[
        str, typer.Option(help=f"What the export was rendered with: {', '.join(template_names())}.")
    ] = "gemma",
    lora: Annotated[bool, typer.Option("--lora", help="Train adapters instead of all weights.")] = False,
    max_tokens: Annotated[int, typer.Option(min=64, max=2048, help="Of a longer record the middle is left out.")] = 512,
    model: Annotated[str | None, typer.Option(help="gemma3, llama3 or qwen3.", show_default="the template's")] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="A SentencePiece file, or a Hugging Face id or folder.", show_default="trained on the records"
        ),
    ] = None,
) -> None:
    """Train a tiny model on an export with the real Tunix, and check that it really trained."""
    if template not in template_names():
        raise WrongUse(f"--template {template}: not one of {', '.join(template_names())}")
    run, _ = run_smoke(
        source,
        split=None,
        samples=samples,
        steps=steps,
        template=template,
        lora=lora,
        max_tokens=max_tokens,
        model=model,
        tokenizer=tokenizer,
    )
    print(
        f"{run.family} ({run.mode}), {run.samples} records, {steps} steps: eval loss {run.evals[0]:.3f} to "
        f"{run.evals[-1]:.3f}; every check passed"
    )


if __name__ == "__main__":
    try:
        typer.run(main)
    except TracesError as fault:
        print(f"sft_smoke: {one_line(str(fault), 1000)}", file=sys.stderr)
        sys.exit(2 if isinstance(fault, WrongUse) else 1)
    except Exception as fault:  # whatever it is, a person gets one line
        sys.exit(f"sft_smoke: {one_line(unexpected(fault), 1000)}")
