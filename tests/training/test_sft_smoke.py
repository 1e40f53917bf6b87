"""`python -m training.sft_smoke`: as its user runs it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import msgspec
import pytest

from tests.support.shell import ROOT, run
from tests.training.support import record
from traces.errors import TracesError
from training.install import require_training
from training.records import JsonLines, export_files
from training.renderers.tunix_sft import Example, render_turns
from training.templates import load_template, template_names
from training.tokenizers import train_tokenizer
from training.tokens import SftRecord, learned_text, tokenise


def write(path: Path, count: int, template: str = "gemma") -> Path:
    lines = (msgspec.json.encode(record(number, load_template(template))) for number in range(count))
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def test_it_prints_the_loss_of_each_step_and_what_came_of_it(tmp_path: Path) -> None:
    file = write(tmp_path / "export.jsonl", 40, "qwen3")
    command = ("python", "-m", "training.sft_smoke", str(file), "--samples", "16", "--template", "qwen3", "--lora")
    done = run(ROOT, *command, JAX_PLATFORMS="cpu")
    lines = [line for line in done.out.splitlines() if line.startswith(("step", "qwen3"))]
    assert [line[:8] for line in lines[:-1]] == [f"step {number:>3}" for number in range(1, 11)]
    assert lines[-1].startswith("qwen3 (lora), 16 records, 10 steps: eval loss 6.")
    assert lines[-1].endswith("; every check passed")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["gone.jsonl"], 1, "sft_smoke: gone.jsonl: no such file or folder"),
        ([""], 2, "sft_smoke: an empty name; name an export's folder, a file or a pattern"),
        (
            ["FILE", "--template", "llama3"],
            1,
            "export.jsonl, line 1, id record 0: rendered with gemma, not llama3; say",
        ),
        (["FILE", "--template", "alpaca"], 2, "sft_smoke: --template alpaca: not one of gemma, llama3, qwen3"),
        (["FILE", "--model", "bert"], 2, "sft_smoke: --model bert: not one of gemma3, llama3, qwen3"),
        (
            ["FILE", "--steps", "1"],
            1,
            "by step 1: it must fall by 20%; train for more steps (--steps, or smoke_train.",
        ),
        (["FILE", "--tokenizer", "README.md"], 1, "sft_smoke: README.md: not a SentencePiece model"),
        (["FILE", "--steps", "0"], 2, "Invalid value for '--steps'"),
        ([], 2, "Missing argument 'FILE'"),
    ],
)
def test_a_fault_is_one_line(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    file = str(write(tmp_path / "export.jsonl", 16))
    given = [file if argument == "FILE" else argument for argument in arguments]
    done = run(ROOT, "python", "-m", "training.sft_smoke", *given, code=code, JAX_PLATFORMS="cpu")
    assert says in done.err
    assert "Traceback" not in done.err


def test_help_says_what_is_taken_where_nothing_is_given() -> None:
    said = " ".join(run(ROOT, "python", "-m", "training.sft_smoke", "--help").out.replace("│", "").split())
    assert "gemma3, llama3 or qwen3. [default: (the template's)]" in said
    assert "[default: (trained on the records)]" in said


def test_of_fewer_records_than_asked_for_it_says_how_many(tmp_path: Path) -> None:
    file = write(tmp_path / "export.jsonl", 16)
    done = run(ROOT, "python", "-m", "training.sft_smoke", str(file), JAX_PLATFORMS="cpu")
    assert "16 records, 32 were asked for" in done.out.splitlines()


def test_one_long_trace_trains_and_it_says_what_was_left_out(tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    file.write_bytes(msgspec.json.encode(record(1, trace_steps=["so we add the halves " * 5000])) + b"\n")
    command = ("python", "-m", "training.sft_smoke", str(file), "--samples", "1", "--max-tokens", "128")
    done = run(ROOT, *command, JAX_PLATFORMS="cpu")
    assert "note: 1 of 1 records are longer than max_tokens 128: their middles, 10" in done.out
    assert done.out.splitlines()[-1].endswith("; every check passed")


def test_another_python_is_told_to_take_the_environment() -> None:
    bare = "import runpy, sys; sys.modules[NAME] = None; runpy.run_module('training.sft_smoke', run_name='__main__')"
    for name in ("typer", "msgspec"):
        done = run(ROOT, "python", "-c", bare.replace("NAME", repr(name)), code=1)
        assert done.err == f"sft_smoke: {sys.executable} lacks {name}; `source .venv/bin/activate` (or `make repro`)\n"


def test_what_is_not_installed_is_said_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    require_training()
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tunix" else real(name))
    with pytest.raises(TracesError, match=r"^tunix: not installed; `pip install --require-hashes -r req"):
        require_training()


class RawTrace(msgspec.Struct):
    id: str
    prompts: str
    trace_steps: list[str]
    final_answer: str

    @property
    def example(self) -> Example:
        return {"prompt": self.prompts, "trace_steps": self.trace_steps, "final_answer": self.final_answer}


@pytest.mark.parametrize("name", template_names())
def test_every_record_of_the_shipped_sample_is_learned_exactly(built: Path, name: str) -> None:
    """The learned tokens of each record decode to its model turn, whatever the template."""
    template = load_template(name)
    traces = JsonLines(export_files(built / "data/export/trace"), RawTrace, "trace")
    assert len(traces) == 2338
    texts = {trace.id: render_turns(trace.example, template) for trace in traces}
    tokenizer = train_tokenizer(("".join(text) for text in list(texts.values())[::20]), template)
    for trace_id, (prompt, completion) in texts.items():
        tokens = tokenise(SftRecord(trace_id, prompt + completion, len(prompt)), tokenizer)
        assert learned_text(tokens, tokenizer) == completion
        assert completion.endswith(template.model_close)
        assert int(tokens.ids.max()) < tokenizer.vocab_size


def test_the_shipped_export_is_what_was_tested(built: Path) -> None:
    exported = JsonLines(export_files(built / "data/export/tunix_sft"), SftRecord, "tunix_sft")
    traces = JsonLines(export_files(built / "data/export/trace"), RawTrace, "trace")
    for held, trace in zip(exported, traces, strict=True):
        assert (held.prompt, held.completion) == render_turns(trace.example, load_template("gemma"))


BARE = """
import runpy, sys
for name in ("numpy", "jax", "tunix", "grain", "qwix", "sentencepiece", "flax", "optax", "datasets", "transformers"):
    sys.modules[name] = None
sys.argv = ["x", "data/export/tunix_sft"]
runpy.run_module(MODULE, run_name="__main__")
"""


@pytest.mark.parametrize("module", ["training.sft_smoke", "stages.smoke_train", "stages.smoke_grpo"])
def test_with_nothing_of_training_installed_it_is_one_line(built: Path, module: str) -> None:
    done = run(built, "python", "-c", BARE.replace("MODULE", repr(module)), code=1)
    name = module.rpartition(".")[2]
    assert done.err == (
        f"{name}: tunix, jax, grain, qwix, sentencepiece: not installed; "
        "`pip install --require-hashes -r requirements-training.lock` (`make repro` does)\n"
    )
