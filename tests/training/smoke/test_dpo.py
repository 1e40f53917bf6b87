"""The preference smoke run with the real Tunix, and what it must refuse."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tunix.sft.dpo.dpo_trainer import TrainingInput, process_dpo_record

from tests.support.samples import write_jsonl
from tests.training.support import TEXTS, record
from traces.errors import TracesError
from training.dpo_data import dpo_dataset, load_pairs
from training.formats.tunix_dpo import TunixDpoRecord
from training.smoke.checks import CheckFailed
from training.smoke.dpo import check_batch, check_losses, smoke_dpo, train
from training.smoke.models import embeddings, tiny_model
from training.templates import load_template
from training.tokenizers import train_tokenizer

TEMPLATE = load_template("gemma")
GEMMA = train_tokenizer(TEXTS, TEMPLATE)
VOCABULARY = embeddings(GEMMA.vocab_size)


def pair(number: int, **changes: str) -> TunixDpoRecord:
    better, worse = (record(number, final_answer=answer) for answer in ("yes", "no"))
    texts = {"chosen_responses": better.completion, "rejected_responses": worse.completion, **changes}
    return TunixDpoRecord(f"pair {number}", better.prompt, **texts)


PAIRS = [pair(number) for number in range(16)]


def test_it_learns_to_prefer_and_begins_at_ln_2() -> None:
    run = smoke_dpo(PAIRS, GEMMA, TEMPLATE, "gemma3")
    assert run.losses[0] == pytest.approx(np.log(2), abs=1e-6)
    assert run.losses[-1] < 0.6
    assert run.weights > 20


def test_prompts_are_padded_left_and_responses_right_and_begun_once(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "train-a.jsonl", [msgspec.to_builtins(one) for one in PAIRS])
    batch = next(iter(dpo_dataset(path, GEMMA, batch_size=16)))
    check_batch(batch, list(load_pairs(path)), GEMMA, VOCABULARY)
    assert batch.prompt_mask[:, -1].all()
    assert batch.chosen_mask[:, 0].all()
    assert ((batch.prompt_ids == GEMMA.bos_id).sum(axis=1) == 1).all()
    assert not (batch.chosen_ids == GEMMA.bos_id).any()
    for ids, mask in ((batch.prompt_ids, batch.prompt_mask), (batch.rejected_ids, batch.rejected_mask)):
        assert (mask == (ids != GEMMA.pad_id)).all()


def test_given_strings_tunix_would_begin_responses_and_cut_questions() -> None:
    """Why pairs are tokenised here."""
    from tunix.generate.tokenizer_adapter import TokenizerAdapter

    one = msgspec.to_builtins(PAIRS[0])
    held = process_dpo_record(one, TokenizerAdapter(GEMMA.processor), 8, 64)
    assert held.chosen_ids[0] == GEMMA.bos_id
    said = GEMMA.decode(np.asarray(held.prompt_ids).tolist()[1:])
    assert PAIRS[0].prompts.startswith(said)
    assert said != PAIRS[0].prompts


def test_over_long_pairs_are_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    long = pair(1, rejected_responses=record(1, final_answer="no " * 400).completion)
    assert dpo_dataset([*PAIRS, long], GEMMA, batch_size=1).lengths.response > 192
    assert dpo_dataset([*PAIRS, long], GEMMA, batch_size=1, max_tokens=192).lengths.response <= 192
    assert "of 17 pairs 1 dropped: longer than max_tokens 192" in caplog.text
    with pytest.raises(TracesError, match="0 of 16 pairs can be used, batch_size is 4"):
        dpo_dataset(PAIRS, GEMMA, batch_size=4, max_tokens=3)


def test_a_tokenizer_of_another_family_is_refused() -> None:
    other = msgspec.structs.replace(PAIRS[1], prompts=record(1, load_template("llama3")).prompt)
    with pytest.raises(TracesError, match=r"rendered with llama3, but <\|start_header_id\|> is \d+ tokens of this"):
        dpo_dataset([other], GEMMA, batch_size=1)


def batch_of(**changes: object) -> TrainingInput:
    return dataclasses.replace(next(iter(dpo_dataset(PAIRS, GEMMA, batch_size=16))), **changes)


def test_a_batch_that_is_not_its_pairs_is_refused() -> None:
    right = batch_of()
    shifted = np.roll(right.chosen_mask, 1, axis=1)
    ended = right.rejected_mask & np.roll(right.rejected_mask, -1, axis=1)
    unbegun = right.prompt_mask & (right.prompt_ids != GEMMA.bos_id)
    for name, change in (
        ("chosen_responses", {"chosen_mask": shifted}),
        ("rejected_responses", {"rejected_mask": ended}),
        ("prompts", {"prompt_mask": unbegun}),
    ):
        with pytest.raises(CheckFailed, match=f"id pair 0: the tokens of {name} are not those of its text"):
            check_batch(batch_of(**change), PAIRS, GEMMA, VOCABULARY)
    with pytest.raises(CheckFailed, match="is past the model's vocabulary of 8"):
        check_batch(right, PAIRS, GEMMA, 8)


def test_a_pair_without_the_end_of_a_turn_is_refused() -> None:
    with pytest.raises(CheckFailed, match="id pair 3: prompts and chosen_responses are not exactly one user and"):
        smoke_dpo([*PAIRS[:3], pair(3, chosen_responses="Answer: yes")], GEMMA, TEMPLATE, "gemma3")


def test_another_model_is_no_reference() -> None:
    batches = dpo_dataset(PAIRS, GEMMA, batch_size=8, seed=0)
    with pytest.raises(CheckFailed, match=r"the first loss is 0\.\d+, not ln 2: the policy does not begin as"):
        train(tiny_model("gemma3", VOCABULARY), tiny_model("gemma3", VOCABULARY, seed=1), batches, 1)


def test_losses_must_be_numbers_and_fall() -> None:
    with pytest.raises(CheckFailed, match="a loss is no number"):
        check_losses([float(np.log(2)), float("nan")])
    with pytest.raises(CheckFailed, match=r"the loss went from 0\.693 to 0\.690: it must fall by 5%"):
        check_losses([float(np.log(2)), 0.69])
    check_losses([float(np.log(2)), 0.5])
