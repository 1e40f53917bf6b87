"""Evaluation sets: which traces overlap with a prompt, and by how much."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.params.models import Decontaminate
from stages.selection.evalsets import Evalsets, Match, evalset_hashes, load_evalsets, ngrams_of
from traces.errors import TracesError
from traces.texts import loose_words

QUESTION = "A farmer has seventeen sheep and all but nine run away; how many sheep are left on the farm in the end?"


def evalsets(*prompts: str, ngram: int = 4, threshold: float = 0.5) -> Evalsets:
    return Evalsets((("set.jsonl", line, prompt) for line, prompt in enumerate(prompts, 1)), ngram, threshold)


def test_the_overlap_is_the_share_of_the_prompt_s_ngrams() -> None:
    of = len(set(ngrams_of(loose_words(QUESTION), 4)))
    half = " ".join(QUESTION.split()[:12])
    held = len(set(ngrams_of(loose_words(half), 4)))
    assert (held, of) == (9, 19)
    assert evalsets(QUESTION, threshold=9 / 19).match(half, []) == Match("set.jsonl", 1, 9, 19)
    assert evalsets(QUESTION, threshold=9 / 19 + 0.001).match(half, []) is None
    assert evalsets(QUESTION, threshold=1).match(f"Well. {QUESTION.upper()} Think!", []) == Match(
        "set.jsonl", 1, 19, 19
    )


def test_steps_and_answer_count_and_no_ngram_spans_two_of_them() -> None:
    words = QUESTION.split()
    assert evalsets(QUESTION).match("Else?", ["Let me think.", f"It was: {QUESTION}"]) == Match("set.jsonl", 1, 19, 19)
    assert evalsets(QUESTION).match(" ".join(words[:3]), [" ".join(words[k : k + 3]) for k in range(3, 18, 3)]) is None


def test_a_short_prompt_is_that_of_a_trace_or_none() -> None:
    held = evalsets("Two plus two?", QUESTION)
    assert held.match("two PLUS two", []) == Match("set.jsonl", 1, 1, 1)
    assert held.match("What is two plus two?", ["Two plus two?"]) is None


def test_the_nearest_prompt_is_named_and_of_equal_ones_the_first() -> None:
    other = QUESTION.replace("sheep", "goats")
    held = evalsets(other, QUESTION, QUESTION, threshold=0.1)
    assert held.match(QUESTION, []) == Match("set.jsonl", 2, 19, 19)


ARITHMETIC = "What is 12 {} 4 {} 7 when x {} y and the sum of all of it is {} 30 apples in the basket?"


@pytest.mark.parametrize(
    "other",
    [
        ARITHMETIC.format("-", "+", ">", "="),
        ARITHMETIC.format("+", "/", ">", "="),
        ARITHMETIC.format("×", "÷", "≤", "≠"),
    ],
)
def test_signs_count(other: str) -> None:
    """Another question is no contamination because it has the same words."""
    held = evalsets(ARITHMETIC.format("+", "*", "<", "="), ngram=8, threshold=0.5)
    assert held.match(other, []) is None
    assert evalsets("2 + 2 =").match("2 - 2 =", []) is None


@pytest.mark.parametrize("hidden", ["\u200b", "\u00ad", "\u2060", "\ufeff", "\u034f", "\U000e0041"])
def test_hidden_characters_hide_no_overlap(hidden: str) -> None:
    assert evalsets(QUESTION, threshold=1).match(hidden.join(QUESTION), []) is not None


@pytest.mark.parametrize(
    "written",
    [
        QUESTION.replace(" ", "&nbsp;"),
        QUESTION.replace(" ", "\u00a0"),
        QUESTION.replace(";", "&#59;"),
        QUESTION.upper(),
    ],
)
def test_html_and_spaces_hide_no_overlap(written: str) -> None:
    assert evalsets(QUESTION, threshold=1).match(written, []) is not None


@given(st.randoms(use_true_random=False), st.floats(0.05, 1), st.integers(1, 4))
def test_it_finds_what_comparing_with_every_prompt_finds(draw: random.Random, threshold: float, ngram: int) -> None:
    """The index leaves nothing out: prompts of one template, which share most of what they have."""

    def text() -> str:
        return " ".join(draw.choices("abcdef", k=draw.randint(3, 14)))

    prompts = [f"Your hand is {text()} and it is your turn" for _ in range(8)]
    trace = f"{text()} your hand is {text()} and it is {text()}"
    ngrams = set(ngrams_of(loose_words(trace), ngram))
    owns = [set(ngrams_of(loose_words(prompt), ngram)) for prompt in prompts]
    shares = [len(own & ngrams) / len(own) for own in owns]
    found = evalsets(*prompts, ngram=ngram, threshold=threshold).match(trace, [])
    if max(shares) >= threshold + 1e-6:
        assert found is not None
        assert found.line == shares.index(max(shares)) + 1
        assert found.shared / found.ngrams == max(shares)
    elif max(shares) < threshold - 1e-6:
        assert found is None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 2: "),
        ('{"question": "?"}', "line 2: Object missing required field `prompt`; each is an object with `prompt`"),
        ('{"prompt": 7}', "line 2: Expected `str`, got `int` - at `$.prompt`"),
        ("[" * 100_000, "line 2: "),
        ('{"prompt": "?!"}', "line 2: the prompt has no word to compare; take it out"),
    ],
)
def test_a_malformed_line_is_named(workspace: Path, line: str, says: str) -> None:
    Path("data/evalsets/set.jsonl").write_text(f'{{"prompt": "Why?", "answer": 4, "more": []}}\n{line}\n')
    with pytest.raises(TracesError) as refused:
        load_evalsets(Decontaminate(evalsets=["set.jsonl"]))
    assert f"data/evalsets/set.jsonl, {says}" in str(refused.value)


def test_a_byte_order_mark_blank_lines_and_crlf_do_not_matter(workspace: Path) -> None:
    Path("data/evalsets/set.jsonl").write_bytes(b'\xef\xbb\xbf{"prompt": "Why?"}\r\n\r\n{"prompt": "How?"}\r\n\r\n')
    held = load_evalsets(Decontaminate(evalsets=["set.jsonl"]))
    assert held is not None
    assert held.match("How?", []) == Match("set.jsonl", 3, 1, 1)


@pytest.mark.parametrize("content", ["", "\n", "\ufeff\n\n"])
def test_an_empty_set_is_refused(workspace: Path, content: str) -> None:
    Path("data/evalsets/set.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(TracesError, match=r"data/evalsets/set.jsonl: no prompt in it, so it would prove nothing"):
        load_evalsets(Decontaminate(evalsets=["set.jsonl"]))


def test_a_missing_file_is_named_and_a_changed_one_read_again(workspace: Path) -> None:
    asked = Decontaminate(evalsets=["set.jsonl"])
    with pytest.raises(TracesError, match=r"decontaminate.evalsets: data/evalsets/set.jsonl: no such file"):
        evalset_hashes(asked)
    for prompt in ("Why?", "What?"):
        Path("data/evalsets/set.jsonl").write_text(json.dumps({"prompt": prompt}) + "\n")
        held = load_evalsets(asked)
        assert held is not None
        assert held.match(prompt, []) == Match("set.jsonl", 1, 1, 1)
        assert held.match("How?", []) is None


def test_none_are_loaded_where_none_are_asked_for() -> None:
    assert load_evalsets(Decontaminate()) is None
