"""Texts, records and tokenizers for the tests of training."""

from __future__ import annotations

from pathlib import Path

from training.renderers.tunix_sft import Example, render_turns
from training.templates import Template, load_template, template_names
from training.tokens import SftRecord

TEMPLATES = [load_template(name) for name in template_names()]


def record(number: int, template: Template | None = None, **changes: object) -> SftRecord:
    """A small record, as a `tunix_sft` export holds it; `changes` replace the trace's fields."""
    example: Example = {
        "prompt": f"What is {number} + {number % 7}? Say how.",
        "trace_steps": [f"{number} and {number % 7} more", f"That is {number + number % 7}."],
        "final_answer": str(number + number % 7),
    }
    rendered = render_turns({**example, **changes}, template or load_template("gemma"))  # type: ignore[typeddict-item]
    return SftRecord(f"record {number}", "".join(rendered), len(rendered.prompt))


TEXTS = [record(number).prompts for number in range(60)]


def hugging_face_folder(folder: Path, pad: str = "<pad>", extra: list[str] | None = None) -> Path:
    """A tokenizer as transformers saves one: byte-level BPE, Gemma's marks, a habit of adding BOS and EOS."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    marks = ["<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>", *([pad] if pad != "<eos>" else []), *(extra or [])]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=marks, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", 1), ("<eos>", 0)]
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<eos>", pad_token=pad)
    fast.save_pretrained(folder)
    return folder
