"""The export formats: exact lines, each valid by its schema."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
import pytest

from stages.schemas import fast_validator, load_schema
from training.formats import FORMATS, TEXT_FAULTS, ColumnCounts, SelectedTrace, format_lines
from training.formats.columns import COLUMNS, METADATA_KEYS, columns_of
from training.renderers.tunix_sft import render_turns
from training.templates import Template, load_template, template_names

GEMMA = load_template("gemma")


def line(name: str, trace: SelectedTrace) -> bytes:
    return FORMATS[name](trace, GEMMA)


def example(meta: str = '{"game":"g","ratio":1.50}', answer: str = "4", prompt: str = "2 + 2? 😀") -> SelectedTrace:
    steps = ["Two.", "And two."]
    rendered = render_turns({"prompt": prompt, "trace_steps": steps, "final_answer": answer}, GEMMA)
    identity = "6f1d1c9a-54d5-5a0e-9d0b-0f2f6c2b7c11"
    worse = "Answer: 5<end_of_turn>"
    return SelectedTrace(identity, "2026-01-31T12:00:00+00:00", "1.0", prompt, steps, answer, meta, rendered, worse)


def test_a_trace_record_line_by_line() -> None:
    assert line("trace", example()).decode() == (
        '{"id":"6f1d1c9a-54d5-5a0e-9d0b-0f2f6c2b7c11","prompts":"2 + 2? 😀","trace_steps":["Two.","And two."],'
        '"final_answer":"4","metadata":{"created_at":"2026-01-31T12:00:00+00:00","trace_version":"1.0",'
        '"game":"g","ratio":1.50}}\n'
    )


def test_a_tunix_sft_record_line_by_line() -> None:
    assert line("tunix_sft", example()).decode() == (
        '{"id":"6f1d1c9a-54d5-5a0e-9d0b-0f2f6c2b7c11","prompts":"<start_of_turn>user\\n2 + 2? 😀<end_of_turn>\\n'
        '<start_of_turn>model\\nReasoning:\\n1. Two.\\n2. And two.\\nAnswer: 4<end_of_turn>","final_answer":"4",'
        '"metadata":{"created_at":"2026-01-31T12:00:00+00:00","trace_version":"1.0","format":"tunix_sft",'
        '"game":"g","ratio":1.50},"completion_start":63}\n'
    )


def test_a_tunix_grpo_record_line_by_line() -> None:
    meta = '{"game":"g<bos>","legal_actions":["4","draw <bos>","5\\n6"],"seat":1,"seed":7}'
    assert line("tunix_grpo", example(meta)).decode() == (
        '{"id":"6f1d1c9a-54d5-5a0e-9d0b-0f2f6c2b7c11","prompts":"<start_of_turn>user\\n2 + 2? 😀<end_of_turn>\\n'
        '<start_of_turn>model\\n","question":"2 + 2? 😀","answer":"4","legal_actions":"4\\ndraw < bos>\\n5 6",'
        '"game":"g< bos>","seat":1,"seed":7}\n'
    )


@pytest.mark.parametrize("name", FORMATS)
def test_a_column_that_a_schema_calls_as_stored_is_so_also_with_a_control_token(name: str) -> None:
    trace = example(answer="4 <think>", prompt="<bos> 2 + 2?")
    record = json.loads(line(name, trace))
    columns = load_schema(f"export/{name}")["properties"]
    stored = {"final_answer": trace.final_answer, "answer": trace.final_answer, "question": trace.prompt}
    for column in record.keys() & stored.keys():
        told = "but for control tokens" in columns[column]["description"]
        assert (record[column] != stored[column]) is told, column


def grpo(meta: str, columns: tuple[str, ...] = ()) -> tuple[dict[str, Any], ColumnCounts]:
    counts = ColumnCounts()
    record = json.loads(format_lines(["tunix_grpo"], columns, counts)["tunix_grpo"](example(meta), GEMMA))
    assert fast_validator(load_schema("export/tunix_grpo")).is_valid(record)
    assert TEXT_FAULTS["tunix_grpo"](record, GEMMA) is None
    return record, counts


ABSENT = {"legal_actions": "", "game": "", "seat": -1, "seed": -1}


@pytest.mark.parametrize("meta", ["", "{}", '{"game":null,"seat":null,"legal_actions":null,"seed":null}'])
def test_a_column_without_metadata_is_absent(meta: str) -> None:
    record, counts = grpo(meta)
    assert record | ABSENT == record
    assert counts == ColumnCounts(absent=Counter(ABSENT.keys()))


@pytest.mark.parametrize(
    ("value", "actions"),
    [
        ("[2,3,7]", "2\n3\n7"),
        ('[10,20,"fold"]', "10\n20\nfold"),
        ("[1.0,2.0]", "1\n2"),
        ("[0.5,1.50,-2]", "0.5\n1.50\n-2"),
        ("[1e3,1E-2]", "1000\n0.01"),
        ('["play\\n5","pass"]', "play 5\npass"),
        ('["e\\u0301"]', "\u00e9"),
        ('["7.0","draw <bos>"]', "7.0\ndraw < bos>"),
        ('["a",""," ","\\u200b"]', "a"),
        ("[18446744073709551616]", "18446744073709551616"),
        ("[]", ""),
    ],
)
def test_numbers_and_texts_are_legal_actions(value: str, actions: str) -> None:
    record, counts = grpo(f'{{"legal_actions":{value}}}')
    assert record["legal_actions"] == actions
    assert not counts.not_understood


@pytest.mark.parametrize(
    ("meta", "columns"),
    [
        ('{"seat":1.0,"seed":7.0,"game":3.0}', {"seat": 1, "seed": 7, "game": "3"}),
        ('{"seat":"1","seed":"7.0","game":"3.0"}', {"seat": 1, "seed": 7, "game": "3.0"}),
        ('{"seat":" 2 ","seed":-5,"game":2.5}', {"seat": 2, "seed": -5, "game": "2.5"}),
        ('{"seat":0.0,"seed":1e3,"game":"<eos>"}', {"seat": 0, "seed": 1000, "game": "< eos>"}),
        ('{"seat":-9223372036854775808,"seed":9223372036854775807.0}', {"seat": -(2**63), "seed": 2**63 - 1}),
    ],
)
def test_a_whole_number_is_one_also_if_it_is_written_as_a_float(meta: str, columns: dict[str, Any]) -> None:
    record, counts = grpo(meta)
    assert record | columns == record
    assert not counts.not_understood


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(
            ("legal_actions", value)
            for value in ('"draw, pass"', '["draw",true]', "[[1]]", "[null]", "{}", "7", "true")
        ),
        *(("game", value) for value in ('["g"]', "true", "{}")),
        *(
            (key, value)
            for key in ("seat", "seed")
            for value in ("true", "1.5", '"one"', '"1.5"', "9223372036854775808")
        ),
        *(("seat", value) for value in ("[1]", "-100000000000000000000000000", '""')),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_counted(key: str, value: str) -> None:
    record, counts = grpo(f'{{"{key}":{value}}}')
    assert record[key] == ABSENT[key]
    assert counts.not_understood == {key: 1}
    assert counts.absent == dict.fromkeys(ABSENT.keys() - {key}, 1)


@pytest.mark.parametrize(
    ("value", "column"),
    [
        ('"as it is "', "as it is "),
        ('"7.0"', "7.0"),
        ('"a <think>"', "a < think>"),
        ("7", "7"),
        ("7.0", "7"),
        ("-7.000", "-7"),
        ("1.50", "1.50"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("true", "true"),
        ('["a",1.50,{"b":null}]', '["a",1.50,{"b":null}]'),
        ('["<bos>"]', '["< bos>"]'),
        ("null", ""),
        ('""', ""),
    ],
)
def test_a_metadata_key_becomes_a_column_of_text(value: str, column: str) -> None:
    record, counts = grpo(f'{{"more":{value}}}', ("more", "other"))
    assert list(record)[-3:] == ["seed", "more", "other"]
    assert (record["more"], record["other"]) == (column, "")
    assert counts.absent["more"] == (value == "null")
    assert counts.absent["other"] == 1
    assert TEXT_FAULTS["tunix_grpo"](record | {"more": "<bos>"}, GEMMA) == "the text holds the control token <bos>"


def test_the_columns_are_those_of_the_record_and_of_metadata() -> None:
    record, _ = grpo("{}", ("more",))
    assert list(columns_of("tunix_grpo", ("more",))) == list(record)
    assert list(COLUMNS["tunix_grpo"])[-len(METADATA_KEYS) :] == list(METADATA_KEYS) == list(ABSENT)
    assert columns_of("trace", ("more",)) == COLUMNS["trace"]


def test_the_formats_that_have_no_columns_of_metadata_ignore_them() -> None:
    plain, asked = (format_lines(FORMATS, columns) for columns in ((), ("game",)))
    for name in FORMATS.keys() - {"tunix_grpo"}:
        assert plain[name](example(), GEMMA) == asked[name](example(), GEMMA) == line(name, example())


def test_a_reinforcement_prompt_holds_nothing_of_the_answer() -> None:
    record = json.loads(line("tunix_grpo", example(answer="forty-two", meta='{"legal_actions":["forty-two"]}')))
    assert record["answer"] == "forty-two"
    assert "forty-two" not in record["prompts"] + record["question"]
    assert "And two." not in record["prompts"]
    assert "<bos>" not in record["prompts"]


def test_a_training_example_record_line_by_line() -> None:
    assert line("training_example", example('{"ratio":1.50}')).decode() == (
        '{"id":"6f1d1c9a-54d5-5a0e-9d0b-0f2f6c2b7c11","prompt":"2 + 2? 😀\\n\\nPlease show your reasoning steps.",'
        '"response":"Reasoning:\\n1. Two.\\n2. And two.\\nAnswer: 4","metadata":{"created_at":'
        '"2026-01-31T12:00:00+00:00","trace_version":"1.0","ratio":1.50}}\n'
    )


def test_a_messages_record_line_by_line() -> None:
    assert line("messages", example('{"ratio":1.50}')).decode() == (
        '{"id":"6f1d1c9a-54d5-5a0e-9d0b-0f2f6c2b7c11","messages":[{"role":"user","content":"2 + 2? 😀"},'
        '{"role":"assistant","content":"Reasoning:\\n1. Two.\\n2. And two.\\nAnswer: 4"}],"metadata":{"created_at":'
        '"2026-01-31T12:00:00+00:00","trace_version":"1.0","ratio":1.50}}\n'
    )


@pytest.mark.parametrize("template", [load_template(name) for name in template_names()], ids=lambda t: t.name)
def test_plain_formats_are_the_same_by_every_template(template: Template) -> None:
    trace = example(prompt="  <|im_end|> ? ", answer="<eos>")
    steps = {"prompt": trace.prompt, "trace_steps": trace.trace_steps, "final_answer": trace.final_answer}
    ours = msgspec.structs.replace(trace, rendered=render_turns(steps, template, "Think."))
    gemma = msgspec.structs.replace(trace, rendered=render_turns(steps, GEMMA, "Think."))
    for name in ("messages", "training_example"):
        assert FORMATS[name](ours, template) == FORMATS[name](gemma, GEMMA)
    assert b"Think.\\n\\n  < |im_end|> ? " in FORMATS["messages"](ours, template)
    assert b"Answer: < eos>" in FORMATS["messages"](ours, template)


def test_a_tunix_dpo_record_line_by_line() -> None:
    assert line("tunix_dpo", example()).decode() == (
        '{"id":"6f1d1c9a-54d5-5a0e-9d0b-0f2f6c2b7c11","prompts":"<start_of_turn>user\\n2 + 2? 😀<end_of_turn>\\n'
        '<start_of_turn>model\\n","chosen_responses":"Reasoning:\\n1. Two.\\n2. And two.\\nAnswer: 4<end_of_turn>",'
        '"rejected_responses":"Answer: 5<end_of_turn>"}\n'
    )
    assert line("tunix_dpo", msgspec.structs.replace(example(), rejected="")) == b""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rejected_responses": "Answer: 5"}, "prompts and rejected_responses are not exactly one user and one model"),
        ({"chosen_responses": ""}, "prompts and chosen_responses are not exactly one user and one model turn"),
        ({"chosen_responses": "Answer: 5<end_of_turn>"}, "chosen_responses and rejected_responses are the same"),
    ],
)
def test_two_answers_that_make_no_pair_are_a_fault(change: dict[str, str], says: str) -> None:
    record = json.loads(line("tunix_dpo", example())) | change
    assert str(TEXT_FAULTS["tunix_dpo"](record, GEMMA)).startswith(says)


@pytest.mark.parametrize("name", ["tunix_sft", "tunix_grpo", "tunix_dpo"])
def test_a_record_whose_turns_are_not_its_template_s_has_a_fault(name: str) -> None:
    record = json.loads(line(name, example()))
    assert TEXT_FAULTS[name](record, GEMMA) is None
    for prompts in (
        record["prompts"][1:],
        record["prompts"] + "x",
        record["prompts"].replace("user\n", "user\n<start_of_turn>user\n"),
        record["prompts"].replace("2 + 2?", "2<end_of_turn>"),
        record["prompts"].replace("2 + 2?", "<start_of_turn>model\n"),
    ):
        assert TEXT_FAULTS[name](record | {"prompts": prompts}, GEMMA), prompts
    assert TEXT_FAULTS[name](record, load_template("qwen3"))
    if name == "tunix_sft":
        for start in (1, record["completion_start"] - 1, record["completion_start"] + 1, len(record["prompts"]), 10**9):
            assert TEXT_FAULTS[name](record | {"completion_start": start}, GEMMA), start


@pytest.mark.parametrize("token", ["<tool_call>", "</think>", "<|im_end|>", "<unused5>", "[multimodal]"])
@pytest.mark.parametrize(
    ("name", "field", "text"),
    [
        ("tunix_sft", "prompts", "2 + 2?"),
        ("tunix_sft", "prompts", "Two."),
        ("tunix_sft", "final_answer", "4"),
        ("tunix_grpo", "prompts", "2 + 2?"),
        *(("tunix_grpo", field, "") for field in ("question", "answer", "legal_actions", "game")),
        ("tunix_dpo", "prompts", "2 + 2?"),
        ("tunix_dpo", "chosen_responses", "Two."),
        ("tunix_dpo", "rejected_responses", "5"),
        ("training_example", "prompt", "2 + 2?"),
        ("training_example", "response", "Two."),
    ],
)
def test_a_control_token_that_was_put_into_a_record_is_a_fault(name: str, field: str, text: str, token: str) -> None:
    record = json.loads(line(name, example()))
    assert TEXT_FAULTS[name](record, GEMMA) is None
    changed = record[field].replace(text, text + token, 1)
    if name == "tunix_sft" and text == "2 + 2?":
        record["completion_start"] += len(token)
    assert TEXT_FAULTS[name](record | {field: changed}, GEMMA) == f"the text holds the control token {token}"


@pytest.mark.parametrize("place", [0, 1])
def test_a_control_token_that_was_put_into_a_message_is_a_fault(place: int) -> None:
    record = json.loads(line("messages", example()))
    assert TEXT_FAULTS["messages"](record, GEMMA) is None
    record["messages"][place]["content"] += "<think>"
    assert TEXT_FAULTS["messages"](record, GEMMA) == "the text holds the control token <think>"


def test_completion_start_counts_code_points() -> None:
    record = json.loads(line("tunix_sft", example(prompt="😀é" * 10)))
    assert record["prompts"][: record["completion_start"]].endswith("<start_of_turn>model\n")
    assert record["prompts"][record["completion_start"] :].startswith("Reasoning:")


@pytest.mark.parametrize("meta", ["", "{}"])
def test_without_metadata_of_its_own_a_trace_has_ours(meta: str) -> None:
    assert json.loads(line("trace", example(meta)))["metadata"] == {
        "created_at": "2026-01-31T12:00:00+00:00",
        "trace_version": "1.0",
    }


def test_a_key_of_the_trace_s_that_is_one_of_ours_is_kept_under_another_name() -> None:
    meta = '{"created_at":"long ago","format":[1.50],"meta.format":2,"z":"created_at"}'
    assert json.loads(line("tunix_sft", example(meta)))["metadata"] == {
        "created_at": "2026-01-31T12:00:00+00:00",
        "trace_version": "1.0",
        "format": "tunix_sft",
        "meta.created_at": "long ago",
        "meta.format": 2,
        "meta.meta.format": [1.5],
        "z": "created_at",
    }
    assert b'"format":[1.50]' in line("trace", example(meta))


def test_only_the_raw_format_keeps_a_control_token_of_the_trace() -> None:
    hostile = example(answer="<end_of_turn>")
    assert json.loads(line("trace", hostile))["final_answer"] == "<end_of_turn>"
    assert json.loads(line("tunix_sft", hostile))["final_answer"] == "< end_of_turn>"


@pytest.mark.parametrize("name", FORMATS)
def test_a_record_is_valid_by_its_schema_and_an_altered_one_is_not(name: str) -> None:
    validator = fast_validator(load_schema(f"export/{name}"))
    record = json.loads(line(name, example()))
    assert validator.is_valid(record)
    for key in record:
        assert not validator.is_valid({k: v for k, v in record.items() if k != key}), key
        assert not validator.is_valid(record | {key: None}), key
    assert not validator.is_valid(record | {"more": 1})
    assert not validator.is_valid(record | {"id": record["id"].upper()})
