"""The export formats: exact lines, each valid by its schema."""

from __future__ import annotations

import json

import pytest

from stages.schemas import fast_validator, load_schema
from training.formats import FORMATS, SelectedTrace
from training.renderers.tunix_sft import render_turns
from training.templates import load_template

GEMMA = load_template("gemma")


def example(meta: str = '{"game":"g","ratio":1.50}', answer: str = "4", prompt: str = "2 + 2? 😀") -> SelectedTrace:
    steps = ["Two.", "And two."]
    rendered = render_turns({"prompt": prompt, "trace_steps": steps, "final_answer": answer}, GEMMA)
    identity = "6f1d1c9a-54d5-5a0e-9d0b-0f2f6c2b7c11"
    return SelectedTrace(identity, "2026-01-31T12:00:00+00:00", "1.0", prompt, steps, answer, meta, rendered)


def test_a_trace_record_line_by_line() -> None:
    assert FORMATS["trace"](example()).decode() == (
        '{"id":"6f1d1c9a-54d5-5a0e-9d0b-0f2f6c2b7c11","prompts":"2 + 2? 😀","trace_steps":["Two.","And two."],'
        '"final_answer":"4","metadata":{"created_at":"2026-01-31T12:00:00+00:00","trace_version":"1.0",'
        '"game":"g","ratio":1.50}}\n'
    )


def test_a_tunix_sft_record_line_by_line() -> None:
    assert FORMATS["tunix_sft"](example()).decode() == (
        '{"id":"6f1d1c9a-54d5-5a0e-9d0b-0f2f6c2b7c11","prompts":"<start_of_turn>user\\n2 + 2? 😀<end_of_turn>\\n'
        '<start_of_turn>model\\nReasoning:\\n1. Two.\\n2. And two.\\nAnswer: 4<end_of_turn>","final_answer":"4",'
        '"metadata":{"created_at":"2026-01-31T12:00:00+00:00","trace_version":"1.0","format":"tunix_sft",'
        '"game":"g","ratio":1.50},"completion_start":63}\n'
    )


def test_completion_start_counts_code_points() -> None:
    record = json.loads(FORMATS["tunix_sft"](example(prompt="😀é" * 10)))
    assert record["prompts"][: record["completion_start"]].endswith("<start_of_turn>model\n")
    assert record["prompts"][record["completion_start"] :].startswith("Reasoning:")


@pytest.mark.parametrize("meta", ["", "{}"])
def test_without_metadata_of_its_own_a_trace_has_ours(meta: str) -> None:
    assert json.loads(FORMATS["trace"](example(meta)))["metadata"] == {
        "created_at": "2026-01-31T12:00:00+00:00",
        "trace_version": "1.0",
    }


def test_a_key_of_the_trace_s_that_is_one_of_ours_is_kept_under_another_name() -> None:
    meta = '{"created_at":"long ago","format":[1.50],"meta.format":2,"z":"created_at"}'
    assert json.loads(FORMATS["tunix_sft"](example(meta)))["metadata"] == {
        "created_at": "2026-01-31T12:00:00+00:00",
        "trace_version": "1.0",
        "format": "tunix_sft",
        "meta.created_at": "long ago",
        "meta.format": 2,
        "meta.meta.format": [1.5],
        "z": "created_at",
    }
    assert b'"format":[1.50]' in FORMATS["trace"](example(meta))


def test_only_the_raw_format_keeps_a_control_token_of_the_trace() -> None:
    hostile = example(answer="<end_of_turn>")
    assert json.loads(FORMATS["trace"](hostile))["final_answer"] == "<end_of_turn>"
    assert json.loads(FORMATS["tunix_sft"](hostile))["final_answer"] == "< end_of_turn>"


@pytest.mark.parametrize("name", FORMATS)
def test_a_record_is_valid_by_its_schema_and_an_altered_one_is_not(name: str) -> None:
    validator = fast_validator(load_schema(f"export/{name}"))
    record = json.loads(FORMATS[name](example()))
    assert validator.is_valid(record)
    for key in record:
        assert not validator.is_valid({k: v for k, v in record.items() if k != key}), key
        assert not validator.is_valid(record | {key: None}), key
    assert not validator.is_valid(record | {"more": 1})
    assert not validator.is_valid(record | {"id": record["id"].upper()})
