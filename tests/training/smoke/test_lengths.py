"""The bound of the smoke runs: what is left of a long record, and what is counted."""

from __future__ import annotations

import tracemalloc

import pytest

from tests.training.support import TEMPLATES, TEXTS, record
from traces.errors import TracesError
from training.formats.tunix_dpo import TunixDpoRecord, tunix_dpo_fault
from training.formats.tunix_grpo import TunixGrpoRecord
from training.renderers.tunix_sft import is_one_exchange
from training.smoke.checks import check_record, check_tokens
from training.smoke.grpo import say_briefly
from training.smoke.lengths import LengthBound
from training.templates import Template, load_template
from training.tokenizers import train_tokenizer
from training.tokens import SftRecord, tokenise

GEMMA = load_template("gemma")
TOKENIZER = train_tokenizer(TEXTS, GEMMA)
LONG = {
    "a long step": {"trace_steps": ["and so we add the halves " * 2000]},
    "many steps": {"trace_steps": ["then"] * 3000},
    "a long answer": {"final_answer": "42 " * 9000},
    "a long question": {"prompt": "word " * 9000},
    "all of it long": {"prompt": "x" * 40_000, "trace_steps": ["y" * 40_000], "final_answer": "z" * 40_000},
    "Chinese": {"trace_steps": ["为什么秋天的树叶会变黄" * 900]},
    "emoji": {"prompt": "👩‍👩‍👧‍👦" * 3000, "final_answer": "🎉" * 700},
    "halves of control tokens": {"prompt": "<start_of_turn>" * 4000},
}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
@pytest.mark.parametrize("changes", LONG.values(), ids=LONG)
def test_a_long_record_keeps_its_marks_its_beginning_and_its_end(
    changes: dict[str, object], template: Template
) -> None:
    held = record(1, template, **changes)
    tokenizer = train_tokenizer([held.prompts], template)
    bound = LengthBound(template, 128)
    found = bound.exactly(bound.roughly(held), tokenizer)
    assert 64 < len(tokenise(found, tokenizer).ids) <= 128
    assert is_one_exchange(found.prompt, found.completion, template)
    check_record(found, template)
    check_tokens(found, tokenise(found, tokenizer), tokenizer, tokenizer.vocab_size, template)
    assert (found.prompts[:30], found.prompts[-15:]) == (held.prompts[:30], held.prompts[-15:])
    left_out = len(held.prompts) - len(found.prompts)
    assert bound.facts == {"max_tokens": 128, "records_cut": 1, "characters_left_out": left_out}
    assert bound.note == (
        f"1 of 1 records are longer than max_tokens 128: their middles, {left_out:,} of {len(held.prompts):,} "
        "characters, were left out"
    )


def test_a_record_within_the_bound_stays_as_it_is() -> None:
    held = record(1)
    for size in (len(tokenise(held, TOKENIZER).ids), 512):
        bound = LengthBound(GEMMA, size)
        assert bound.exactly(bound.roughly(held), TOKENIZER) is held
        assert (bound.facts["records_cut"], bound.note) == (0, "")
    bound = LengthBound(GEMMA, len(tokenise(held, TOKENIZER).ids) - 1)
    assert bound.exactly(held, TOKENIZER) != held


def pair(prompt: str, chosen: str, rejected: str) -> TunixDpoRecord:
    one = record(1, prompt=prompt)
    texts = [record(1, trace_steps=[text], final_answer="7").completion for text in (chosen, rejected)]
    return TunixDpoRecord("pair", one.prompt, *texts)


SHARED = "and so on " * 2000


@pytest.mark.parametrize(
    ("chosen", "rejected"),
    [
        (SHARED + "yes", SHARED + "no"),
        (SHARED + "yes" + SHARED, SHARED + "no" + SHARED),
        ("yes " + SHARED, "no " + SHARED),
        (SHARED, SHARED + "more"),
        (SHARED, "short"),
    ],
)
def test_the_responses_of_a_cut_pair_still_differ(chosen: str, rejected: str) -> None:
    bound = LengthBound(GEMMA, 128)
    found = bound.exactly(bound.roughly(pair(SHARED, chosen, rejected)), TOKENIZER)
    columns = {name: getattr(found, name) for name in found.__struct_fields__}
    assert tunix_dpo_fault(columns, GEMMA) is None
    sizes = [len(TOKENIZER.encode(text)) for text in columns.values()]
    assert sizes[1] + max(sizes[2:]) < 128
    assert bound.facts["records_cut"] == 1


def test_a_prompt_alone_is_cut_to_half_of_the_bound() -> None:
    held = TunixGrpoRecord("x", record(1, prompt=SHARED).prompt, SHARED, "7", "", "g", -1, 1)
    bound = LengthBound(GEMMA, 128)
    found = bound.exactly(bound.roughly(held), TOKENIZER)
    assert 50 < len(TOKENIZER.encode(found.prompts)) < 64
    assert is_one_exchange(found.prompts, "", GEMMA)


def test_what_is_taught_before_reinforcement_is_brief_if_most_of_it_is_long() -> None:
    long = [record(n, trace_steps=[SHARED]) for n in range(8)]
    bound = LengthBound(GEMMA, 512)
    taught = say_briefly([bound.roughly(one) for one in long], TOKENIZER, bound)
    assert all(len(TOKENIZER.encode(one.completion)) <= 32 for one in taught)
    short = [record(n) for n in range(8)]
    assert say_briefly(short, TOKENIZER, LengthBound(GEMMA, 512)) == short


def test_a_bound_that_has_no_room_for_the_marks_is_refused() -> None:
    with pytest.raises(TracesError, match=r"id record 1: \d+ tokens with hardly any text .* max_tokens is 6; raise it"):
        LengthBound(GEMMA, 6).exactly(record(1), TOKENIZER)


def test_memory_does_not_follow_the_longest_record() -> None:
    held = record(1, trace_steps=["and so we add the halves " * 200_000])
    assert len(held.prompts) > 5_000_000
    bound = LengthBound(GEMMA, 512)
    tracemalloc.start()
    short: SftRecord = bound.roughly(held)
    tokens = tokenise(bound.exactly(short, TOKENIZER), TOKENIZER)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(tokens.ids) <= 512
    assert peak < 50_000_000
