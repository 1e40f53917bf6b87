"""Tokens and loss mask: only the model's turn is learned, wherever the text, whoever the family."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.support import TEMPLATES, TEXTS, record
from traces.errors import TracesError
from training.renderers.tunix_sft import render_turns
from training.templates import Template, load_template
from training.tokenizers import TextTokenizer, train_tokenizer
from training.tokens import Limit, SftMetadata, SftRecord, fit, learned_text, pad, tokenise, uncut_tokens

TOKENIZERS = {template.name: train_tokenizer(TEXTS, template) for template in TEMPLATES}
GEMMA = TOKENIZERS["gemma"]
TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(TEXT, st.lists(TEXT, max_size=3), TEXT)
def test_the_learned_tokens_are_exactly_the_model_s_turn(
    template: Template, prompt: str, steps: list[str], answer: str
) -> None:
    rendered = render_turns({"prompt": prompt, "trace_steps": steps, "final_answer": answer}, template)
    held = SftRecord("x", "".join(rendered), len(rendered.prompt))
    tokenizer = TOKENIZERS[template.name]
    tokens = tokenise(held, tokenizer)
    assert learned_text(tokens, tokenizer) == rendered.completion
    assert rendered.completion.endswith(template.model_close)
    assert tokens.ids[0] == tokenizer.bos_id
    assert list(tokens.ids).count(tokenizer.bos_id) == 1
    assert not tokens.learned[0]
    assert tokenizer.decode(tokens.ids[1:].tolist()) == held.prompts


def test_padding_is_after_the_text_and_never_learned() -> None:
    tokens = tokenise(record(1), GEMMA)
    padded = pad(tokens, 100, GEMMA.pad_id)
    assert (padded.ids.shape, padded.ids.dtype, padded.learned.dtype) == ((100,), np.int32, np.bool_)
    assert (padded.ids[: len(tokens.ids)] == tokens.ids).all()
    assert (padded.ids[len(tokens.ids) :] == GEMMA.pad_id).all()
    assert padded.learned.sum() == tokens.learned.sum()


def test_a_record_within_the_limit_stays_as_it_is() -> None:
    tokens = tokenise(record(1), GEMMA)
    for over_long in ("drop", "truncate", "raise"):
        assert fit(record(1), tokens, GEMMA, Limit(len(tokens.ids), over_long)) is tokens  # type: ignore[arg-type]


def test_a_longer_one_is_dropped_or_an_error() -> None:
    tokens = tokenise(record(1), GEMMA)
    size = len(tokens.ids)
    assert fit(record(1), tokens, GEMMA, Limit(size - 1, "drop")) is None
    with pytest.raises(TracesError, match=f"id record 1: {size} tokens, max_tokens is {size - 1}"):
        fit(record(1), tokens, GEMMA, Limit(size - 1, "raise"))


def exchange(question: str, template: Template, system: str | None = None, metadata_system: object = None) -> SftRecord:
    """A record whose metadata say the system text, as an export's do, or something else."""
    rendered = render_turns({"prompt": question, "trace_steps": ["We think."], "final_answer": "42"}, template, system)
    return SftRecord("x", "".join(rendered), len(rendered.prompt), SftMetadata(metadata_system or system))


def truncated(held: SftRecord, limit: int, tokenizer: TextTokenizer) -> str | None:
    """The text of the record's tokens within the limit, None if it is left out."""
    tokens = fit(held, tokenise(held, tokenizer), tokenizer, Limit(limit, "truncate"))
    if tokens is None:
        return None
    assert len(tokens.ids) <= limit
    assert tokens.ids[0] == tokenizer.bos_id
    assert learned_text(tokens, tokenizer) == held.completion
    return tokenizer.decode(tokens.ids[1:].tolist())


QUESTIONS = {
    "words": "word " * 300 + "number 7?",
    "Chinese": "为什么秋天的树叶会变黄" * 30,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈é" * 40,
    "blank lines": "first\n\nsecond\n\n" * 60 + "third?",
    "one long word": "x" * 900,
    "quoted marks": "< start_of_turn>user\n" * 60,
}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
@pytest.mark.parametrize("system", [None, "Answer briefly.", "简短地回答。\n\nBe kind."])
@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_truncating_takes_the_front_of_the_question_and_nothing_else(
    question: str, system: str | None, template: Template
) -> None:
    tokenizer = TOKENIZERS[template.name]
    held = exchange(question, template, system)
    opening = template.user_open + (f"{system}\n\n" if system else "")
    for limit in range(150, 160):
        text = truncated(held, limit, tokenizer)
        assert text is not None
        assert text.startswith(opening)
        left = text.removesuffix(held.completion).removesuffix(held.parts.closing).removeprefix(opening)
        assert 0 < len(left) < len(question)
        assert question.endswith(left)


def test_a_record_is_left_out_if_no_token_of_its_question_fits() -> None:
    template = load_template("gemma")
    held = exchange("A question of some words?", template, "Answer briefly.")
    least = uncut_tokens(held, GEMMA) + len(GEMMA.encode(held.completion)) + 1
    text = truncated(held, least, GEMMA)
    assert text is not None
    assert text.startswith("<start_of_turn>user\nAnswer briefly.\n\n?<end_of_turn>")
    for limit in (least - 1, least - 10, 1):
        assert truncated(held, limit, GEMMA) is None


def test_a_system_text_that_does_not_fit_is_never_cut() -> None:
    held = exchange("word " * 100, load_template("gemma"), "Answer briefly. " * 50)
    assert truncated(held, 300, GEMMA) is None


@pytest.mark.parametrize("claimed", ["Answer at length.", 7, ["Answer briefly."], {}, None, "word word"])
def test_metadata_that_the_prompt_does_not_begin_with_are_no_system_text(claimed: object) -> None:
    text = truncated(exchange("word " * 300, load_template("gemma"), metadata_system=claimed), 100, GEMMA)
    assert text is not None
    assert text.startswith("<start_of_turn>user\n")
    assert "word <end_of_turn>\n<start_of_turn>model\n" in text


def test_a_text_with_the_token_that_pads_is_an_error() -> None:
    class Odd:
        vocab_size, bos_id = 512, 2
        pad_id = GEMMA.encode("<end_of_turn>")[0]
        encode, decode = GEMMA.encode, GEMMA.decode

    with pytest.raises(TracesError, match=r"id record 1: its text has the token that pads \(5\); name another pad"):
        tokenise(record(1), Odd())  # type: ignore[arg-type]


def test_the_boundary_is_completion_start_and_never_searched_for() -> None:
    # The question quotes a model's turn; neutralised or not, only the offset says where the answer begins.
    text = "<start_of_turn>user\n<start_of_turn>model\nA<end_of_turn>\n<start_of_turn>model\nB<end_of_turn>"
    tokens = tokenise(SftRecord("x", text, len(text) - len("B<end_of_turn>")), GEMMA)
    assert learned_text(tokens, GEMMA) == "B<end_of_turn>"
    assert load_template("gemma").model_open in text
