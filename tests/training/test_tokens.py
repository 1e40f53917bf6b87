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
from training.tokenizers import train_tokenizer
from training.tokens import Limit, SftRecord, fit, learned_text, pad, tokenise

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
        assert fit(tokens, "x", Limit(len(tokens.ids), over_long), begins=True) is tokens  # type: ignore[arg-type]


def test_a_longer_one_is_dropped_truncated_or_an_error() -> None:
    tokens = tokenise(record(1), GEMMA)
    size = len(tokens.ids)
    assert fit(tokens, "x", Limit(size - 1, "drop"), begins=True) is None
    with pytest.raises(TracesError, match=f"id record 1: {size} tokens, max_tokens is {size - 1}"):
        fit(tokens, "record 1", Limit(size - 1, "raise"), begins=True)
    cut = fit(tokens, "x", Limit(size - 5, "truncate"), begins=True)
    assert cut is not None
    assert cut.ids.tolist() == [GEMMA.bos_id, *tokens.ids[6:]]
    assert learned_text(cut, GEMMA) == record(1).completion


def test_truncating_never_reaches_the_answer() -> None:
    tokens = tokenise(record(1), GEMMA)
    answer = int(tokens.learned.sum())
    least = fit(tokens, "x", Limit(answer + 2, "truncate"), begins=True)
    assert least is not None
    assert learned_text(least, GEMMA) == record(1).completion
    assert len(least.ids) == answer + 2
    for limit in (answer + 1, answer, 1):
        assert fit(tokens, "x", Limit(limit, "truncate"), begins=True) is None, limit


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
