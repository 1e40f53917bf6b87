"""Every added token of the published tokenizers is kept out of a trace's text, or is listed as text with its reason."""

from __future__ import annotations

import pytest

from tests.support.docs import marked
from tests.support.shell import ROOT
from tests.support.tokenizers import Recorded, Series, recorded
from training.control_tokens import find_control_token, has_control_token, neutralise
from training.templates import load_template, template_names

RECORDED = recorded()
by_tokenizer = pytest.mark.parametrize("known", RECORDED.values(), ids=RECORDED)
# What the layout puts before a trace's texts, and after them.
BEFORE = [*(load_template(name).user_open for name in template_names()), "\n\n", "Reasoning:\n", "1. ", "Answer: "]
BEFORE += [load_template(name).model_open for name in template_names()]
AFTER = [getattr(load_template(name), field) for name in template_names() for field in ("user_close", "model_close")]
AFTER += ["\n", "\n1. ", "\nAnswer: ", "\n\n"]


def patterns(known: Recorded) -> tuple[set[str], set[str]]:
    """The added tokens as a template names them, and those of which there are runs."""
    entries = known.entries()
    runs = {entry.token for entry in entries if isinstance(entry, Series) and entry.is_run}
    return {entry if isinstance(entry, str) else entry.token for entry in entries} - runs, runs


@by_tokenizer
def test_each_added_token_is_a_control_token_or_is_text_with_a_reason(known: Recorded) -> None:
    template = load_template(known.template)
    text = {token for group in template.text_tokens for token in group.tokens}
    runs = {run for group in template.text_tokens for run in group.runs_of}
    found, found_runs = patterns(known)
    assert found - text <= set(template.control_tokens), "add them to control_tokens, or to text_tokens with the reason"
    assert not text & set(template.control_tokens)
    assert found_runs <= runs


@pytest.mark.parametrize("name", template_names())
def test_nothing_is_listed_as_text_that_is_no_added_token_or_without_a_reason(name: str) -> None:
    lists = [patterns(known) for known in RECORDED.values() if known.template == name]
    assert lists, "no tokenizer of this family is recorded"
    for group in load_template(name).text_tokens:
        assert len(group.reason) > 50
        assert set(group.tokens) <= set.union(*(tokens for tokens, _ in lists))
        assert set(group.runs_of) <= set.union(*(runs for _, runs in lists))


@by_tokenizer
def test_the_tokenizer_matches_added_tokens_in_the_text_as_it_is(known: Recorded) -> None:
    # With another flag or normaliser a token could come out of a text that does not hold it, such as a full-width one.
    assert known.flags == []
    kinds = {normalizer["type"] for normalizer in [known.normalizer] if normalizer}
    assert kinds <= {"NFC", "Replace"}
    if kinds == {"Replace"}:
        assert (known.normalizer["pattern"], known.normalizer["content"]) == ({"String": " "}, "\u2581")


@by_tokenizer
def test_each_added_token_is_neutralised_unless_it_is_text(known: Recorded) -> None:
    template = load_template(known.template)
    text = {
        token
        for entry in known.entries()
        for group in template.text_tokens
        if (entry if isinstance(entry, str) else entry.token) in (*group.tokens, *group.runs_of)
        for token in ([entry] if isinstance(entry, str) else entry.tokens())
    }
    for token in known.tokens():
        said = f"a{token}b"
        if token in text:
            assert neutralise(said) == said
            assert not has_control_token(said)
        else:
            assert find_control_token(said) == token
            assert neutralise(said) == f"a{token[0]} {token[1:]}b"


def test_no_control_token_forms_across_a_boundary_between_layout_and_text() -> None:
    tokens = [token.replace("{n}", "7") for name in template_names() for token in load_template(name).control_tokens]
    for token in tokens:
        assert token[0] not in token[1:]
        assert "\n" not in token
        for cut in range(1, len(token)):
            assert not any(text.endswith(token[:cut]) for text in BEFORE), token
            assert not any(text.startswith(token[cut:]) for text in AFTER), token


def test_the_docs_name_the_tags_that_stay() -> None:
    (tags,) = (group.tokens for group in load_template("gemma").text_tokens if group.tokens)
    opening = [tag for tag in tags if not tag.startswith("</")]
    assert [*opening, *(f"</{tag[1:]}" for tag in opening)] == tags
    page = marked(ROOT / "docs/datasets.md", "text tokens: gemma")
    assert page.split() == [
        tag.replace("h{n}", number)
        for tag in opening
        for number in (("h1", "h2", "h3", "h4", "h5", "h6") if "{n}" in tag else ("",))
    ]
