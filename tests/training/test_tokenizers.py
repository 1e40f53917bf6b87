"""Tokenizers: exact text in and out, the same file from the same texts, a pad that stands for nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.support import TEMPLATES, TEXTS, hugging_face_folder
from traces.errors import TracesError
from training.templates import load_template
from training.tokenizers import SentencePieceTokenizer, TextTokenizer, load_tokenizer, train_tokenizer

GEMMA = train_tokenizer(TEXTS, load_template("gemma"))


def test_the_same_texts_give_the_same_model_byte_for_byte() -> None:
    models = {train_tokenizer(TEXTS, load_template("gemma")).processor.serialized_model_proto() for _ in range(3)}
    assert len(models) == 1
    assert len({hashlib.md5(model).hexdigest() for model in models}) == 1


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_each_mark_of_a_turn_is_one_token(template: object) -> None:
    found = train_tokenizer(TEXTS, template)  # type: ignore[arg-type]
    for mark in template.turn_marks:  # type: ignore[attr-defined]
        assert len(found.encode(mark)) == 1, mark
        assert found.decode(found.encode(mark)) == mark


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(st.characters(exclude_categories=("Cs",)) | st.sampled_from("\u2581\0\r\n\t <>|"), max_size=60))
def test_any_text_comes_back_as_it_went_in(text: str) -> None:
    assert GEMMA.decode(GEMMA.encode(text)) == text


def test_nothing_is_put_around_a_text() -> None:
    for found in (GEMMA, load_tokenizer_of("huggingface")):
        assert found.encode("") == []
        assert found.bos_id not in found.encode("abc")


def load_tokenizer_of(kind: str, folder: Path | None = None) -> TextTokenizer:
    import tempfile

    where = folder or Path(tempfile.mkdtemp())
    if kind == "sentencepiece":
        (where / "tokenizer.model").write_bytes(GEMMA.processor.serialized_model_proto())
        return load_tokenizer(where / "tokenizer.model")
    return load_tokenizer(hugging_face_folder(where))


@pytest.mark.parametrize("kind", ["sentencepiece", "huggingface"])
def test_a_tokenizer_is_loaded_from_where_it_lies(kind: str, tmp_path: Path) -> None:
    found = load_tokenizer_of(kind, tmp_path)
    text = "<start_of_turn>user\n  Which card? é😀<end_of_turn>\n"
    assert found.decode(found.encode(text)) == text
    assert max(found.encode(text)) < found.vocab_size
    assert found.bos_id is not None
    assert found.pad_id != found.bos_id


def test_a_family_without_a_pad_of_its_own_gets_one_that_nothing_else_is(tmp_path: Path) -> None:
    found = load_tokenizer(hugging_face_folder(tmp_path / "a", pad="<eos>", extra=["<|finetune_right_pad_id|>"]))
    assert found.decode([found.pad_id]) == "<|finetune_right_pad_id|>"
    with pytest.raises(TracesError, match="no token of its own for padding; give it one"):
        load_tokenizer(hugging_face_folder(tmp_path / "b", pad="<eos>"))


def test_what_is_no_tokenizer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "x.model").write_bytes(b"no model")
    for name, says in ((tmp_path / "x.model", "not a SentencePiece model"), (tmp_path, "no tokenizer")):
        with pytest.raises(TracesError, match=says) as refused:
            load_tokenizer(name)
        assert str(tmp_path) in str(refused.value)
        assert "\n" not in str(refused.value)
    assert isinstance(GEMMA, SentencePieceTokenizer)
