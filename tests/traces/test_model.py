"""The trace: the decoder and the JSON Schema accept the same payloads, and a refusal says why in one line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from stages.schemas import fast_validator, load_schema, unique_by
from tests.support.samples import payload
from traces.canonical import encode_canonical
from traces.model import MAX_INDEX, InvalidTrace, content_hash, decode_trace, encode_payload

SCHEMA = load_schema("trace")
FAST, REFERENCE = fast_validator(SCHEMA), Draft202012Validator(SCHEMA)


def accepted(text: str) -> bool:
    try:
        return decode_trace(text).blank_field() is None
    except InvalidTrace as error:
        assert "\n" not in str(error)
        return False


def text_of(*lengths: int) -> st.SearchStrategy[Any]:
    """Text at a limit and just over it, in characters of one, two and four bytes; or no text at all."""
    sized = st.builds(lambda char, length: char * length, st.sampled_from("xé😀"), st.sampled_from(lengths))
    blank = st.text(st.sampled_from(" \n\u00a0\u200b\u00ad\u2800\u3164\ufeff\U000e0041"), min_size=1, max_size=3)
    return sized | blank | blank.map(lambda text: f"{text}é") | st.sampled_from([None, 1, True, ["x"]])


INDEX = st.sampled_from([0, 1, 2, MAX_INDEX, MAX_INDEX + 1, -1, 1.0, 2.0, 1.5, "1", None, True])
STEP = st.fixed_dictionaries(
    {"i": INDEX, "type": text_of(1, 64, 65, 0), "content": text_of(1, 20_000, 20_001, 0)}, optional={"more": st.just(1)}
)
META = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.just("text"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=5,
)
GOOD = st.just({"i": 0, "type": "think", "content": "x"})
PAYLOAD = st.fixed_dictionaries(
    {
        "trace_version": st.just("1.0") | text_of(1, 64, 65, 0),
        "prompt": st.just("x") | text_of(1, 50_000, 50_001, 0),
        "final_answer": st.just("x") | text_of(1, 50_000, 50_001, 0),
        "steps": st.lists(GOOD | STEP, max_size=3)
        | st.sampled_from([1, 1000, 1001]).map(lambda n: [{"i": i, "type": "t", "content": "c"} for i in range(n)]),
    },
    optional={"meta": META, "more": st.just(1)},
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(PAYLOAD)
def test_the_model_and_its_schema_accept_the_same(candidate: dict[str, Any]) -> None:
    by_schema = REFERENCE.is_valid(candidate) and unique_by("i", candidate["steps"])
    assert accepted(json.dumps(candidate)) == by_schema == FAST.is_valid(candidate)


@pytest.mark.parametrize("missing", ["trace_version", "prompt", "final_answer", "steps"])
def test_every_field_but_meta_is_needed(missing: str) -> None:
    held = payload()
    del held[missing]
    assert not accepted(json.dumps(held))
    assert not FAST.is_valid(held)


def test_meta_may_be_missing_or_null_and_is_otherwise_free() -> None:
    without = payload()
    del without["meta"]
    for held in (without, payload(meta=None), payload(meta={}), payload(meta={"a": [{"b": 1.5}, None]})):
        assert accepted(json.dumps(held))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the payload is not JSON: "),
        ("[]", "$: expected `object`"),
        ('"{}"', "$: expected `object`"),
        (json.dumps(payload(prompt="")), "$.prompt: expected str of length >= 1"),
        (json.dumps(payload(steps=[])), "$.steps: expected array of length >= 1"),
        (json.dumps(payload(prompt="a\0b")), "the payload holds \\u0000, which jsonb cannot store"),
        (json.dumps(payload(meta={"a\0": 1})), "the payload holds \\u0000, which jsonb cannot store"),
        (json.dumps(payload(prompt="\ud800")), "the payload holds a lone surrogate, which is no Unicode text"),
        (json.dumps(payload(meta={"x": float("nan")})), "the payload is not JSON: "),
        (json.dumps(payload(meta={"x": float("inf")})), "the payload is not JSON: "),
        (json.dumps(payload())[:-1], "the payload is not JSON: "),
        (json.dumps(payload()).replace('"seed": 1', '"seed": 1e9999'), "a number has more than 4300 digits"),
        (json.dumps(payload()).replace('"seed": 1', '"seed": ' + "[" * 101 + "]" * 101), "nested deeper than 100"),
        (json.dumps(payload()).replace('"seed": 1', '"seed": ' + "[" * 9999 + "]" * 9999), "nested deeper than 100"),
    ],
)
def test_a_refusal_says_why_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(InvalidTrace) as refused:
        decode_trace(text)
    assert reason.replace("`", "") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    with pytest.raises(InvalidTrace, match="not UTF-8"):
        decode_trace(b'{"prompt": "\xff"}')


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert accepted(json.dumps(payload(prompt="the text \\u0000 of six characters")))


def test_the_last_of_duplicate_keys_wins() -> None:
    text = json.dumps(payload()).replace('"seed": 1', '"seed": 1, "seed": 2')
    assert decode_trace(text).meta == payload()["meta"] | {"seed": 2}


def test_a_payload_is_encoded_canonically_and_decodes_to_itself() -> None:
    trace = decode_trace(json.dumps(payload(meta={"b": 1, "a": 2})).replace(": 2}", ": 2.50e1}"))
    assert b'"meta":{"a":25.0,"b":1}' in encode_payload(trace)
    assert encode_payload(decode_trace(encode_payload(trace))) == encode_payload(trace)


def test_content_is_prompt_steps_and_answer_and_nothing_else() -> None:
    first = decode_trace(json.dumps(payload(meta={"seed": 1})))
    same = decode_trace(json.dumps(payload(meta={"seed": 2}, trace_version="2")))
    other = decode_trace(json.dumps(payload(final_answer="2")))
    hashes = [
        content_hash(trace.prompt, [step.content for step in trace.steps], trace.final_answer)
        for trace in (first, same, other)
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_only_the_last_of_duplicate_keys_has_to_be_right() -> None:
    text = json.dumps(payload(1, meta={"n": 1}))
    assert decode_trace('{"prompt": 5,' + text[1:]) == decode_trace(text)
    with pytest.raises(InvalidTrace, match=r"^\$.prompt: expected str, got int$"):
        decode_trace(text[:-1] + ', "prompt": 5}')


def test_of_several_faults_the_same_is_named_in_any_order_of_the_keys() -> None:
    held = payload(1, prompt=5, final_answer=5, trace_version=5)
    reasons = set()
    for order in (held, dict(reversed(held.items())), dict(sorted(held.items()))):
        with pytest.raises(InvalidTrace) as refused:
            decode_trace(json.dumps(order))
        reasons.add(str(refused.value))
    assert reasons == {"$.final_answer: expected str, got int"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("more", "$: object contains unknown field more"),
        ("a\nb\u202e", "$: object contains unknown field a\\nb\\u202e"),
        ("x" * 10_000, "$: object contains unknown field " + "x" * 86 + "…"),
    ],
)
def test_a_reason_quotes_little_of_the_payload_and_nothing_that_steers_a_terminal(name: str, said: str) -> None:
    with pytest.raises(InvalidTrace) as refused:
        decode_trace(json.dumps(payload() | {name: 1}))
    assert str(refused.value) == said


@pytest.mark.parametrize("text", ['{"prompt": @}', "@", "[@", json.dumps(payload(meta="@")).replace('"@"', "@")])
def test_a_deep_payload_is_refused_alike_however_deep_the_caller_is(text: str) -> None:
    def refusal(depth: int) -> str:
        if depth:
            return refusal(depth - 1)
        with pytest.raises(InvalidTrace) as refused:
            decode_trace(text.replace("@", "[" * 800 + "]" * 800))
        return str(refused.value)

    assert refusal(0) == refusal(400) == "$: nested deeper than 100"


def test_what_is_far_too_large_is_not_decoded_and_what_is_padded_is() -> None:
    size = len(encode_canonical(payload()))
    padded = json.dumps(payload(), indent=20).replace("W", "\\u0057")
    assert len(padded) > 2 * size
    assert decode_trace(padded, size) == decode_trace(json.dumps(payload()))
    for text, says in (("[" * 3 * size, f"more than the {size} bytes"), ("[" + " " * 3 * size, "not JSON")):
        with pytest.raises(InvalidTrace, match=says):
            decode_trace(text, size)
    with pytest.raises(InvalidTrace, match=f"more than the {size - 1} bytes that extract.max_payload_bytes allows"):
        decode_trace(padded, size - 1)


BLANKS = [" ", "\n\t", "\u00a0", "\u200b\u200d", "\ufeff", "\u3000", "\u2800", "\u00ad\u2060", "\u3164", "\U000e0041"]


@pytest.mark.parametrize("blank", BLANKS)
def test_a_field_that_shows_nothing_is_named(blank: str) -> None:
    def named(**changes: Any) -> str | None:
        return decode_trace(json.dumps(payload(**changes))).blank_field()

    assert named(prompt=blank) == "prompt shows nothing: it holds only blanks or invisible characters"
    assert str(named(final_answer=blank)).startswith("final_answer shows nothing")
    assert str(named(trace_version=blank)).startswith("trace_version shows nothing")
    step = {"i": 7, "type": "t", "content": "x"}
    assert str(named(steps=[step, step | {"i": 8, "content": blank}])).startswith("the content of step 8 shows nothing")
    assert str(named(steps=[step | {"type": blank}])).startswith("the type of step 7 shows nothing")


@pytest.mark.parametrize("shown", [" x", "\u200b.", "\u00adé", "👍\ufe0f", "\u0301", "0", "\u3164가"])
def test_a_field_that_shows_something_passes(shown: str) -> None:
    assert decode_trace(json.dumps(payload(prompt=shown, final_answer=shown))).blank_field() is None
