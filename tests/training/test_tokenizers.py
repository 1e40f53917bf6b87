"""Tokenizers: exact text in and out, the same file from the same texts, a pad that stands for nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.support import TEMPLATES, TEXTS, hugging_face_folder
from traces.errors import TracesError
from training.templates import Template, load_template
from training.tokenizers import MAX_VOCABULARY, SentencePieceTokenizer, TextTokenizer, load_tokenizer, train_tokenizer

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


def text_of(first: int, last: int) -> str:
    return "".join(map(chr, range(first, last)))


ANY_TEXTS = {
    "nothing": [],
    "an empty text": [""],
    "one letter": ["a"],
    "one Chinese character": ["字"] * 3,
    "blanks": ["   "],
    "newlines": ["\n\n"],
    "digits": ["0123456789" * 5],
    "emoji": ["😀👩‍👩‍👧‍👦🏳️‍🌈"] * 4,
    "a thousand Chinese characters": [text_of(0x4E00, 0x4E00 + 1000)],
    "Hangul": [text_of(0xAC00, 0xAC00 + 3000)],
    "more characters than any vocabulary": [text_of(0x20, 0xD7FF)],
    "what SentencePiece uses itself": ["\u2585", "\u2581", "\t", "\0"],
    "a bar chart": ["\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"] * 3,
    "names of SentencePiece's tokens": ["<s>a</s><unk><pad><0x41>"] * 50,
    "a mark alone": ["<start_of_turn>"],
    "a text of a million characters": ["word " * 200_000],
    "a space that is rare": ["x" * 20_000, "Answer: 7"],
}


@pytest.mark.parametrize("texts", ANY_TEXTS.values(), ids=ANY_TEXTS)
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_any_text_trains_and_comes_back(texts: list[str], template: Template) -> None:
    found = train_tokenizer(texts, template)
    assert found.vocab_size <= MAX_VOCABULARY
    for text in texts:
        assert found.decode(found.encode(text[:70_000])) == text[:70_000]
    assert found.decode(found.encode("Answer: 7")) == "Answer: 7"
    assert all(len(found.encode(mark)) == 1 for mark in template.turn_marks)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=400), max_size=4))
def test_arbitrary_texts_train_and_come_back(texts: list[str]) -> None:
    found = train_tokenizer(texts, load_template("gemma"))
    assert [found.decode(found.encode(text)) for text in texts] == texts


def test_the_vocabulary_grows_with_the_characters_and_frequent_ones_get_a_token() -> None:
    gemma = load_template("gemma")
    sizes = [train_tokenizer([text_of(0x4E00, 0x4E00 + n)] * 2, gemma).vocab_size for n in (100, 300, 800, 5000)]
    assert sizes == [512, 1024, MAX_VOCABULARY, MAX_VOCABULARY]
    found = train_tokenizer([text_of(0x4E00, 0x4E00 + 5000) + "字" * 9], gemma)
    assert len(found.encode("字")) == 1
    assert len(found.encode(chr(0x4E00 + 4999))) == 3
