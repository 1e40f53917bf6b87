"""Hostile traces, from payload to exports: exactly, by the documented policy, or quarantined; no neighbour changes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stages import validate
from stages.params.reading import load_params
from stages.paths import QUARANTINE, SPLITS
from stages.schemas import load_schema
from tests.stages.lockfile import rebuild, set_params
from tests.support.hostile import (
    TEMPLATES,
    TOKEN,
    Expected,
    NoTraceError,
    expected,
    hostile_payloads,
    known_payloads,
    spaced,
    token_payloads,
)
from tests.support.samples import created_at, stored, trace_id, write_sqlite

FORMATS = ["trace", "tunix_sft", "tunix_grpo", "tunix_dpo", "training_example", "messages"]


def built(monkeypatch: pytest.MonkeyPatch, name: str, rows: Iterable[tuple[Any, Any, Any, Any]]) -> dict[str, Any]:
    """The records of each format by id, as bytes, of a build that passes the gate."""
    monkeypatch.setenv("TRACES_DATABASE_URL", write_sqlite(Path(name), rows))
    rebuild()
    validate.work(load_params())
    found: dict[str, Any] = {}
    for format_name in FORMATS:
        paths = [path for split in SPLITS for path in sorted(Path("data/export", format_name).glob(f"{split}-*"))]
        lines = [line for path in paths for line in path.read_bytes().splitlines(keepends=True)]
        found[format_name] = {json.loads(line)["id"]: line for line in lines}
        assert len(found[format_name]) == len(lines)
    return found


def exact(line: bytes) -> dict[str, Any]:
    """A record with its numbers to the last digit."""
    value: dict[str, Any] = json.loads(line, parse_int=Decimal, parse_float=Decimal)
    return value


def check_turns(text: str, template: dict[str, Any], said: tuple[str, ...]) -> None:
    """The text is these turns of the template, and holds no control token but those that part them."""
    opens = template["user_open"], template["model_open"]
    closes = template["user_close"], template["model_close"]
    turns = "".join(f"{begin}{turn}{end}" for begin, turn, end in zip(opens, said, closes, strict=False))
    assert text == turns
    marks = "".join(f"{begin}{end}" for begin, end, _ in zip(opens, closes, said, strict=False))
    assert TOKEN.findall(text) == TOKEN.findall(marks)


def check_records(number: int, trace: Expected, found: dict[str, Any], template: dict[str, Any]) -> None:
    """What every format has of a trace that comes through."""
    key = trace_id(number)
    ours = {"created_at": created_at(number), "trace_version": trace.version}
    assert exact(found["trace"][key]) == {
        "id": key,
        "prompts": trace.prompt,
        "trace_steps": trace.steps,
        "final_answer": trace.answer,
        "metadata": trace.metadata(**ours),
    }
    sft = exact(found["tunix_sft"][key])
    check_turns(sft["prompts"], template, trace.turns)
    assert sft["prompts"][int(sft["completion_start"]) :] == trace.turns[1] + template["model_close"]
    assert sft["final_answer"] == spaced(trace.answer)
    assert sft["metadata"] == trace.metadata(**ours, format="tunix_sft")
    messages = exact(found["messages"][key])["messages"]
    assert [message["content"] for message in messages] == list(trace.turns)
    example = exact(found["training_example"][key])
    assert example["prompt"].startswith(trace.turns[0])
    assert example["response"] == trace.turns[1]
    grpo = exact(found["tunix_grpo"][key])
    check_turns(grpo["prompts"].removesuffix(template["model_open"]), template, trace.turns[:1])
    assert (grpo["question"], grpo["answer"]) == (trace.turns[0], spaced(trace.answer))
    actions = trace.meta.get("legal_actions")
    if isinstance(actions, list) and actions and all(isinstance(action, str) for action in actions):
        assert grpo["legal_actions"].count("\n") == len(actions) - 1
        assert not TOKEN.search(grpo["legal_actions"])


def check_payloads(monkeypatch: pytest.MonkeyPatch, payloads: list[bytes], template: str) -> int:
    """Build them, each between two ordinary traces, and hold every record to what must come of it.

    Returns how many came through.
    """
    set_params(
        extract={"max_quarantined": len(payloads), "partition_rows": 512},
        filters={"source": None},
        render={"template": template},
        export={"formats": FORMATS, "preference": {"key": "episode_index", "order": None}},
    )
    # Two ordinary traces answer one question, so that there are pairs.
    ordinary = [stored(2 * place, prompt=f"What is {place // 2} + 1?") for place in range(len(payloads) + 1)]
    odd = [(*stored(2 * place + 1)[:3], payload) for place, payload in enumerate(payloads)]
    before = built(monkeypatch, "ordinary.db", ordinary)
    found = built(monkeypatch, "odd.db", [*ordinary, *odd])
    for format_name in FORMATS:
        kept = {key: found[format_name].get(key) for key in before[format_name]}
        assert kept == before[format_name]
    schema = load_schema("trace")
    lines = [json.loads(line) for path in QUARANTINE.glob("*.jsonl") for line in path.read_text().splitlines()]
    reasons = {line["id"]: line["reason"] for line in lines}
    came_through = 0
    for place, payload in enumerate(payloads):
        number = 2 * place + 1
        try:
            trace = expected(payload, schema)
        except NoTraceError:
            assert reasons.pop(trace_id(number)), payload[:200]
            assert not any(trace_id(number) in found[format_name] for format_name in FORMATS)
            continue
        assert trace_id(number) not in reasons, (payload[:500], reasons[trace_id(number)])
        check_records(number, trace, found, TEMPLATES[template])
        came_through += 1
    assert not reasons
    return came_through


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_hostile_payload_comes_through_is_neutralised_or_is_set_aside(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    payloads = list(dict.fromkeys(hostile_payloads(150, seed=len(template))))
    assert len(payloads) / 3 < check_payloads(monkeypatch, payloads, template) < len(payloads)


def test_one_of_each_known_kind(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    payloads = list(known_payloads())
    assert len(payloads) / 2 < check_payloads(monkeypatch, payloads, "gemma") < len(payloads)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_control_token_whole_split_and_nested_opens_no_turn(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    payloads = list(token_payloads())
    assert check_payloads(monkeypatch, payloads, template) == len(payloads)


def test_what_holds_a_control_token_is_rejected_where_that_is_asked_for(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payloads = list(dict.fromkeys([*token_payloads(), *hostile_payloads(100, seed=1)]))
    set_params(
        extract={"max_quarantined": len(payloads)},
        filters={"source": None},
        render={"control_tokens": "reject"},
        export={"formats": FORMATS},
    )
    ordinary = [stored(2 * place) for place in range(40)]
    found = built(
        monkeypatch, "odd.db", [*ordinary, *((*stored(2 * n + 1)[:3], text) for n, text in enumerate(payloads))]
    )
    schema, taken = load_schema("trace"), {trace_id(2 * place) for place in range(40)}
    for place, payload in enumerate(payloads):
        with contextlib.suppress(NoTraceError):
            trace = expected(payload, schema)
            if not any(TOKEN.search(text) for text in (trace.prompt, *trace.steps, trace.answer)):
                taken.add(trace_id(2 * place + 1))
                assert exact(found["tunix_sft"][trace_id(2 * place + 1)])["final_answer"] == trace.answer
    assert found["trace"].keys() == taken
    assert len(taken) > 50


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(15))
def test_ten_thousand_hostile_payloads(workspace: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    payloads = list(dict.fromkeys(hostile_payloads(1000, seed)))
    assert len(payloads) >= 700  # a fifteenth of more than 10,000
    check_payloads(monkeypatch, payloads, sorted(TEMPLATES)[seed % len(TEMPLATES)])
