"""The smoke run with the real Tunix: every family trains, and each way of not training has its own message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from tunix.sft.peft_trainer import TrainingInput

from tests.training.support import TEXTS, hugging_face_folder, record
from traces.errors import TracesError
from training.sft_data import model_inputs, sft_dataset
from training.smoke import sft
from training.smoke.checks import CheckFailed, check_losses, check_record, check_tokens, entropy, leaves
from training.smoke.models import embeddings, tiny_model, with_lora
from training.smoke.sft import SmokeRun, make_trainer, run_trainer, smoke_sft, spelling_note
from training.templates import load_template
from training.tokenizers import TextTokenizer, load_tokenizer, train_tokenizer
from training.tokens import SftRecord, Tokens, tokenise

TEMPLATE = load_template("gemma")
GEMMA = train_tokenizer(TEXTS, TEMPLATE)
VOCABULARY = embeddings(GEMMA.vocab_size)
RECORDS = [record(number) for number in range(16)]
ONE = RECORDS[0]
RIGHT = tokenise(ONE, GEMMA)


@pytest.mark.parametrize(
    ("family", "template", "lora"),
    [("gemma3", "gemma", False), ("gemma3", "gemma", True), ("qwen3", "qwen3", False), ("llama3", "llama3", True)],
)
def test_it_trains(family: str, template: str, lora: bool) -> None:
    chosen = load_template(template)
    records = [record(number, chosen) for number in range(16)]
    told: list[tuple[int, float]] = []
    run = smoke_sft(
        records,
        train_tokenizer((r.prompts for r in records), chosen),
        chosen,
        family,
        steps=10,
        lora=lora,
        on_step=lambda step, loss: told.append((step, loss)),
    )
    assert (run.family, run.mode, run.samples) == (family, "lora" if lora else "full", 16)
    assert told == list(enumerate(run.losses, 1))
    assert len(run.losses) == len(run.norms) == 10
    assert len(run.evals) == 2
    assert run.evals[1] < run.evals[0]


def answers(texts: list[str]) -> list[SftRecord]:
    return [record(n, prompt=text, trace_steps=[text], final_answer=text) for n, text in enumerate(texts)]


ORDINARY = {
    "one single character": ["a"] * 16,
    "one Chinese character": ["字"] * 16,
    "emoji": ["😀👩‍👩‍👧‍👦🎉"[: 1 + n % 9] for n in range(16)],
    "digits": [str(n * 7919) for n in range(16)],
    "Chinese": ["".join(chr(0x4E00 + (31 * n + 7 * k) % 900) for k in range(60)) for n in range(16)],
    "Arabic and Thai": ["السلام عليكم สวัสดี " * (1 + n % 3) for n in range(16)],
    "a single trace": ["one"],
}


QUICK = ("one single character", "Chinese")  # the others take as long again


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(texts, id=name, marks=[] if name in QUICK else [pytest.mark.soak])
        for name, texts in ORDINARY.items()
    ],
)
def test_any_text_trains(texts: list[str]) -> None:
    records = answers(texts)
    tokenizer = train_tokenizer((r.prompts for r in records), TEMPLATE)
    run = smoke_sft(records, tokenizer, TEMPLATE, "gemma3", steps=10)
    assert run.evals[1] < run.evals[0]


NORMALISERS = {
    "compatibility forms": ["NFKC"],
    "lower case": ["Lowercase"],
    "no accents": ["NFD", "StripAccents"],
    "blanks collapsed": ["Blanks"],
    "all of these": ["NFKC", "Lowercase", "Blanks"],
}


@pytest.mark.parametrize("names", NORMALISERS.values(), ids=NORMALISERS)
def test_sound_data_pass_under_a_tokenizer_that_normalises_and_a_broken_mask_does_not(
    names: list[str], tmp_path: Path
) -> None:
    tokenizer = normalising(names, tmp_path)
    held = record(1, trace_steps=["Ｆｕｌｌ  width, ÉTÉ  and   Ångström", "Then  ﬁve"])
    tokens = tokenise(held, tokenizer)
    assert tokenizer.decode(tokens.ids[tokens.learned].tolist()) != held.completion
    check_tokens(held, tokens, tokenizer, 1024, TEMPLATE)
    for change, says in (
        (lambda m: np.roll(m, 1), "the mask is shifted by one"),
        (without_end, "would not be learned"),
        (np.ones_like, "the mask is broken"),
    ):
        with pytest.raises(CheckFailed, match=says):
            check_tokens(held, Tokens(tokens.ids, change(tokens.learned.copy())), tokenizer, 1024, TEMPLATE)
    note = spelling_note([ONE, held], tokenizer)
    assert note.startswith("the tokenizer changes the text of ")
    assert spelling_note([ONE, held], GEMMA) == ""


def normalising(names: list[str], folder: Path) -> TextTokenizer:
    """A Hugging Face tokenizer with these normalisers, or `Blanks`, which makes one blank of many."""
    from tokenizers import Regex, normalizers

    loaded = load_tokenizer(hugging_face_folder(folder))
    blanks = normalizers.Replace(Regex("[ \t]+"), " ")
    parts = [blanks if name == "Blanks" else getattr(normalizers, name)() for name in names]
    loaded.tokenizer.backend_tokenizer.normalizer = normalizers.Sequence(parts)  # type: ignore[attr-defined]
    return loaded


@pytest.mark.soak
def test_a_run_under_a_tokenizer_that_normalises_trains(tmp_path: Path) -> None:
    tokenizer = normalising(["NFKC", "Lowercase", "Blanks"], tmp_path)
    run = smoke_sft(
        [record(n, trace_steps=["ＡＢＣ  Then"]) for n in range(16)], tokenizer, TEMPLATE, "gemma3", steps=10
    )
    assert run.evals[1] < run.evals[0]


def test_a_tokenizer_that_does_not_know_the_marks_is_refused() -> None:
    class Unknowing:
        vocab_size, pad_id, bos_id = 8, 0, None

        def encode(self, text: str) -> list[int]:
            return [1] * len(text.split())

        def decode(self, ids: Any) -> str:
            return "?" * len(ids)

    with pytest.raises(TracesError, match="rendered with gemma, whose marks are unknown to this tokenizer; take a"):
        sft_dataset(RECORDS, Unknowing(), batch_size=4)


def masked(change: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]], ids: Any = RIGHT.ids) -> Tokens:
    return Tokens(ids, change(RIGHT.learned.copy()))


def without_end(learned: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    learned[-1] = False
    return learned


PADDED = Tokens(np.append(RIGHT.ids, GEMMA.pad_id), np.append(RIGHT.learned, True))


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (masked(np.ones_like), "the mask is broken: '<start_of_turn>user"),
        (masked(lambda m: np.roll(m, 1)), "the mask is shifted by one against the tokens"),
        (masked(lambda m: np.roll(m, -1)), "the mask is shifted by one against the tokens"),
        (masked(np.zeros_like), "the mask is zero, nothing would be learned"),
        (masked(without_end), r"the end of the turn \(<end_of_turn>\) would not be learned"),
        (Tokens(RIGHT.ids + VOCABULARY, RIGHT.learned), f"is past the model's vocabulary of {VOCABULARY}"),
        (PADDED, "padding would be learned"),
    ],
)
def test_a_wrong_mask_or_id_is_found(tokens: Tokens, says: str) -> None:
    check_tokens(ONE, RIGHT, GEMMA, VOCABULARY, TEMPLATE)
    with pytest.raises(CheckFailed, match=says):
        check_tokens(ONE, tokens, GEMMA, VOCABULARY, TEMPLATE)


def test_a_record_whose_boundary_is_elsewhere_is_found() -> None:
    check_record(ONE, TEMPLATE)
    for start in (0, ONE.completion_start - 1, ONE.completion_start + 1, len(ONE.prompts)):
        with pytest.raises(
            CheckFailed, match=r"does not end in '<start_of_turn>model\\n', the open model turn of gemma"
        ):
            check_record(SftRecord("x", ONE.prompts, start), TEMPLATE)
    with pytest.raises(CheckFailed, match="the text after completion_start does not end in '<end_of_turn>'"):
        check_record(SftRecord("x", ONE.prompts[:-1], ONE.completion_start), TEMPLATE)
    with pytest.raises(
        CheckFailed, match="^id record 0: rendered with gemma, not qwen3; say --template gemma, or in params"
    ):
        check_record(ONE, load_template("qwen3"))


class Trainer:
    """As much of a trainer as the checks of a batch ask for."""

    def __init__(self, inputs: Callable[[TrainingInput], dict[str, Any]], loss_fn: Callable[..., Any]) -> None:
        self.gen_model_input_fn, self.loss_fn = inputs, loss_fn


def from_the_mask(batch: TrainingInput) -> dict[str, Any]:
    """The trap: positions and attention made from what is learned."""
    return model_inputs(GEMMA)(
        TrainingInput(jnp.where(batch.input_mask, batch.input_tokens, GEMMA.pad_id), batch.input_mask)
    ) | {"input_tokens": batch.input_tokens}


def every_token(model: Any, input_tokens: Any, **_: Any) -> Any:
    logits, _ = model()
    return optax.softmax_cross_entropy_with_integer_labels(logits[:, :-1], input_tokens[:, 1:]).mean()


def unshifted(model: Any, input_tokens: Any, input_mask: Any, **_: Any) -> Any:
    logits, _ = model()
    return (optax.softmax_cross_entropy_with_integer_labels(logits, input_tokens) * input_mask).sum()


def test_what_a_batch_becomes_is_checked() -> None:
    real = make_trainer(tiny_model("gemma3", VOCABULARY), model_inputs(GEMMA), 1, "full")
    (batch, *_) = sft_dataset(RECORDS, GEMMA, batch_size=4, epochs=1)

    def check(trainer: Any) -> None:
        sft.check_batch(trainer, batch, RECORDS, GEMMA, TEMPLATE, VOCABULARY)

    check(real)
    with pytest.raises(CheckFailed, match="attention does not reach every token before: is it made from the loss mask"):
        check(Trainer(from_the_mask, real.loss_fn))
    with pytest.raises(CheckFailed, match="does not follow the mask: 0 learned tokens have no gradient"):
        check(Trainer(model_inputs(GEMMA), every_token))
    with pytest.raises(CheckFailed, match=r"does not follow the mask: [1-9]\d* learned tokens have no"):
        check(Trainer(model_inputs(GEMMA), unshifted))


def trained(trainer: Any, steps: int, epochs: int | None = None) -> SmokeRun:
    train = sft_dataset(RECORDS, GEMMA, batch_size=8, seed=0, epochs=epochs)
    held = list(sft_dataset(RECORDS, GEMMA, batch_size=8, epochs=1))
    return run_trainer(trainer, train, held, RECORDS, "gemma3", steps, VOCABULARY)


def test_too_little_data_is_found() -> None:
    trainer = make_trainer(tiny_model("gemma3", VOCABULARY), model_inputs(GEMMA), 10, "full")
    with pytest.raises(CheckFailed, match="2 of 10 steps were trained; is there too little data"):
        trained(trainer, 10, epochs=1)


def frozen(model: nnx.Module, part: str, rate: float = 1e-2) -> Any:
    """A trainer whose optimizer leaves every weight alone whose path holds `part`."""
    trainer = make_trainer(model, model_inputs(GEMMA), 2, "full")

    def labels(params: Any) -> Any:
        import jax

        return jax.tree_util.tree_map_with_path(
            lambda path, _: "still" if part in jax.tree_util.keystr(path) else "moved", params
        )

    optimizer = optax.multi_transform({"still": optax.set_to_zero(), "moved": optax.adamw(rate)}, labels)
    trainer.optimizer = nnx.Optimizer(trainer.model, optimizer, wrt=nnx.Param)
    trainer.clear_jit_cache()
    return trainer


def test_a_frozen_layer_is_found_and_named() -> None:
    with pytest.raises(CheckFailed, match=r"\d+ of \d+ trained weights never moved: \['layers'\]\[0\]"):
        trained(frozen(tiny_model("gemma3", VOCABULARY), "['layers'][0]"), 2)


def test_kernels_that_were_zero_at_first_are_found() -> None:
    """Tunix's own constructor leaves them so; the loss falls all the same."""
    from tunix.models.gemma3.model import Gemma3, ModelConfig

    config = ModelConfig(
        num_layers=2, num_embed=VOCABULARY, embed_dim=64, hidden_dim=128, num_heads=4, head_dim=16, num_kv_heads=1,
        sliding_window_size=64, param_dtype=jnp.float32,
    )  # fmt: skip
    trainer = make_trainer(Gemma3(config, rngs=nnx.Rngs(0)), model_inputs(GEMMA), 1, "full")
    with pytest.raises(CheckFailed, match="trained weights never moved: .*mlp"):
        trained(trainer, 1)


def test_lora_must_move_an_adapter_and_nothing_else() -> None:
    model = with_lora(tiny_model("gemma3", VOCABULARY))
    adapters = leaves(model, nnx.LoRAParam)
    assert adapters
    assert all("lora" in path for path in adapters)
    trainer = make_trainer(model, model_inputs(GEMMA), 2, "lora")
    trainer.optimizer = nnx.Optimizer(trainer.model, optax.set_to_zero(), wrt=nnx.LoRAParam)
    trainer.clear_jit_cache()
    with pytest.raises(CheckFailed, match=f"none of {len(adapters)} adapters moved"):
        trained(trainer, 2)


@pytest.mark.parametrize(
    ("train", "norms", "evals", "says"),
    [
        ([6.2, 0.0], [1.0], [6.2, 4.0], "a loss is not a positive number"),
        ([6.2, float("nan")], [1.0], [6.2, 4.0], "a loss is not a positive number"),
        ([6.2], [float("inf")], [6.2, 4.0], "a gradient norm is not a positive number"),
        ([6.2], [0.0], [6.2, 4.0], "a gradient norm is not a positive number"),
        ([6.2], [1.0], [], "a eval loss is not a positive number"),
        ([6.2], [1.0], [5.0, 4.0], "the first eval loss is 5.000, a guess among 512 tokens has 6.238"),
        ([6.2], [1.0], [6.2, 6.1], "from 6.200 to 6.100 by step 1: it must fall by 20%; train for more steps"),
    ],
)
def test_losses_that_are_none_are_found(train: list[float], norms: list[float], evals: list[float], says: str) -> None:
    check_losses([6.2, 5.0], [1.0], [6.2, 4.0], 512, 0.2)
    with pytest.raises(CheckFailed, match=says):
        check_losses(train, norms, evals, 512, 0.2)


def test_text_without_a_pattern_need_not_fall_below_what_its_frequencies_allow() -> None:
    even = entropy(np.arange(400))
    assert even == pytest.approx(np.log(400))
    check_losses([6.9], [1.0], [6.93, 6.3], 1024, 0.2, even)
    with pytest.raises(CheckFailed, match="from 6.930 to 6.500 by step 1"):
        check_losses([6.9], [1.0], [6.93, 6.5], 1024, 0.2, even)
    with pytest.raises(CheckFailed, match="from 6.930 to 6.300 by step 1"):
        check_losses([6.9], [1.0], [6.93, 6.3], 1024, 0.2, entropy(np.zeros(9, np.int32)))
