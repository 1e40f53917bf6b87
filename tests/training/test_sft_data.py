"""The export as Tunix trains on it: batches, shuffled by seed, resumable, nothing dropped in silence."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.support import TEXTS, hugging_face_folder, record
from traces.errors import TracesError
from training.formats.record import SelectedTrace
from training.formats.tunix_sft import tunix_sft_line
from training.renderers.tunix_sft import render_turns
from training.sft_data import (
    Lengths,
    SftDataset,
    load_records,
    load_tokenizer,
    model_inputs,
    sft_dataset,
    train_tokenizer,
)
from training.templates import load_template
from training.tokens import SftMetadata, SftRecord, learned_text, tokenise

GEMMA = train_tokenizer(TEXTS, load_template("gemma"))
# Of different lengths, the longest twice as long as the shortest.
RECORDS = [record(number, trace_steps=[f"step {number}"] * (1 + number % 5)) for number in range(40)]


def dataset(**options: Any) -> SftDataset:
    return sft_dataset(RECORDS, GEMMA, **{"batch_size": 8, "epochs": 1, **options})


def rows(found: SftDataset) -> list[list[int]]:
    return [ids.tolist() for batch in found for ids in batch.input_tokens]


def test_a_batch_holds_the_records_tokens_and_mask_padded_alike() -> None:
    found = dataset()
    batches = list(found)
    assert len(batches) == len(found) == 5
    assert found.lengths == Lengths(40, 40, 0, 0, max(len(tokenise(r, GEMMA).ids) for r in RECORDS))
    for number, batch in enumerate(batches):
        assert batch.input_tokens.shape == batch.input_mask.shape == (8, found.length)
        assert (batch.input_tokens.dtype, batch.input_mask.dtype) == (np.int32, np.bool_)
        for held, ids, learned in zip(RECORDS[8 * number :], batch.input_tokens, batch.input_mask, strict=False):
            assert GEMMA.decode(ids[learned].tolist()) == held.completion
            assert not learned[ids == GEMMA.pad_id].any()
    assert found.length % 64 == 0


def test_a_seed_shuffles_the_same_way_each_time() -> None:
    assert rows(dataset(seed=3)) == rows(dataset(seed=3))
    assert rows(dataset(seed=3)) != rows(dataset(seed=4)) != rows(dataset())
    assert sorted(rows(dataset(seed=3))) == sorted(rows(dataset()))


def test_an_interrupted_run_goes_on_where_it_was() -> None:
    iterator: Any = iter(dataset(seed=3, epochs=None))
    for _ in range(7):
        next(iterator)
    state, expected = iterator.get_state(), [next(iterator).input_tokens for _ in range(3)]
    again: Any = iter(dataset(seed=3, epochs=None))
    again.set_state(state)
    assert all((next(again).input_tokens == tokens).all() for tokens in expected)


def test_without_an_end_it_is_repeated_each_time_in_another_order() -> None:
    iterator = iter(dataset(seed=3, epochs=None))
    epochs = [[next(iterator).input_tokens.tolist() for _ in range(5)] for _ in range(2)]
    first, second = ([row for batch in epoch for row in batch] for epoch in epochs)
    assert first != second
    assert sorted(first) == sorted(second)


def test_what_is_too_long_is_dropped_and_said(caplog: pytest.LogCaptureFixture) -> None:
    sizes = [len(tokenise(r, GEMMA).ids) for r in RECORDS]
    limit = max(sizes) - 1
    with caplog.at_level(logging.WARNING):
        found = dataset(max_tokens=limit, batch_size=4)
    fitting = sum(size <= limit for size in sizes)
    assert found.lengths == Lengths(40, fitting, 40 - fitting, 0, max(sizes))
    assert f"of 40 records {40 - fitting} dropped, 0 truncated: longer than max_tokens {limit}" in caplog.text
    assert len(rows(found)) == fitting // 4 * 4
    assert found.length == limit


def test_what_is_too_long_is_truncated_and_said(caplog: pytest.LogCaptureFixture) -> None:
    sizes = [len(tokenise(r, GEMMA).ids) for r in RECORDS]
    limit = max(sizes) - 3
    with caplog.at_level(logging.WARNING):
        found = dataset(max_tokens=limit, over_long="truncate")
    over = sum(size > limit for size in sizes)
    assert 0 < over == found.lengths.truncated
    assert f"0 dropped, {over} truncated" in caplog.text
    for batch in found:
        assert all(ids[0] == GEMMA.bos_id for ids in batch.input_tokens)


def test_if_nothing_fits_the_error_says_what_is_never_cut() -> None:
    rendered = render_turns(
        {"prompt": "word " * 90, "trace_steps": [], "final_answer": "7"}, load_template("gemma"), "Answer briefly. " * 9
    )
    held = SftRecord("x", "".join(rendered), len(rendered.prompt), SftMetadata("Answer briefly. " * 9))
    with pytest.raises(
        TracesError,
        match=r"0 of 1 records can be used, .*; truncating cuts the question only, and never the answer, the marks of "
        r"the turns or the system text \(the last two have \d+ tokens\)",
    ):
        sft_dataset([held], GEMMA, batch_size=1, max_tokens=32, over_long="truncate")


def test_the_system_text_of_an_export_is_read_and_kept(tmp_path: Path) -> None:
    lines = []
    for number in range(4):
        example = {"prompt": "word " * 200 + str(number), "trace_steps": ["We think."], "final_answer": str(number)}
        rendered = render_turns(example, load_template("gemma"), "Answer briefly.")  # type: ignore[arg-type]
        trace = SelectedTrace(
            f"{number}", "2026-11-20T12:00:00Z", "1.0", example["prompt"], ["We think."], str(number),  # type: ignore[arg-type]
            '{"system":7}' if number else "{}", rendered,
        )  # fmt: skip
        lines.append(tunix_sft_line(trace, load_template("gemma")))
    (tmp_path / "train-a.jsonl").write_bytes(b"".join(lines))
    records = load_records(tmp_path)
    assert [held.parts.opening for held in records] == ["<start_of_turn>user\nAnswer briefly.\n\n"] * 4
    found = sft_dataset(records, GEMMA, batch_size=1, max_tokens=80, over_long="truncate", epochs=1)
    texts = [GEMMA.decode([i for i in batch.input_tokens[0].tolist() if i != GEMMA.pad_id][1:]) for batch in found]
    assert len(texts) == 4
    assert all(text.startswith("<start_of_turn>user\nAnswer briefly.\n\n") for text in texts)


def test_what_is_too_long_can_be_an_error_and_too_little_is_one() -> None:
    with pytest.raises(TracesError, match=r"id record \d+: \d+ tokens, max_tokens is 20"):
        dataset(max_tokens=20, over_long="raise")
    with pytest.raises(TracesError, match="the records: 0 of 40 records can be used, batch_size is 8; the longest has"):
        dataset(max_tokens=5)
    with pytest.raises(TracesError, match="40 of 40 records can be used, batch_size is 41"):
        dataset(batch_size=41)


def test_a_tokenizer_of_another_family_is_refused() -> None:
    qwen3 = [record(number, load_template("qwen3")) for number in range(8)]
    said = r"id record 0: rendered with qwen3, but <\|im_start\|> is \d+ tokens of this tokenizer; take a"
    with pytest.raises(TracesError, match=said):
        sft_dataset(qwen3, GEMMA, batch_size=8)
    with pytest.raises(TracesError, match="id record 1: its prompt ends in no template's open model turn"):
        cut = SftRecord("record 1", RECORDS[1].prompts, RECORDS[1].completion_start + 1)
        sft_dataset([RECORDS[0], cut], GEMMA, batch_size=1)


def test_positions_and_attention_come_from_the_tokens() -> None:
    import jax.numpy as jnp
    from tunix.sft.peft_trainer import TrainingInput

    (batch, *_) = dataset()
    found = model_inputs(GEMMA)(TrainingInput(jnp.asarray(batch.input_tokens), jnp.asarray(batch.input_mask)))
    present = batch.input_tokens != GEMMA.pad_id
    assert (np.asarray(found["input_mask"]) == batch.input_mask).all()
    assert (np.asarray(found["attention_mask"])[:, -1] == present).all()
    assert (np.asarray(found["positions"])[present] == np.concatenate([np.arange(n) for n in present.sum(1)])).all()


def test_a_hugging_face_tokenizer_does_as_well(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(hugging_face_folder(tmp_path))
    (batch, *_) = sft_dataset(RECORDS, tokenizer, batch_size=8, epochs=1)
    for held, ids, learned in zip(RECORDS, batch.input_tokens, batch.input_mask, strict=False):
        assert tokenizer.decode(ids[learned].tolist()) == held.completion
        assert list(ids).count(tokenizer.bos_id) == 1
        assert learned_text(tokenise(held, tokenizer), tokenizer) == held.completion
