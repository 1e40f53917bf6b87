"""`tunix_grpo`: prompts for reinforcement learning, in flat columns that reward functions get as keywords.

Schema: schemas/export/tunix_grpo.schema.json.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from training.control_tokens import control_token_fault, neutralise
from training.formats.record import SelectedTrace
from training.renderers.tunix_sft import Rendered, is_one_exchange, turn_texts
from training.templates import Template

# A metadata value is arbitrary, a column is not: what does not fit reads as absent.
ABSENT = -1
_INT64 = range(-(2**63), 2**63)


class TunixGrpoRecord(msgspec.Struct):
    """The fields in the order in which they are written. A model sees `prompts` alone, rewards see all."""

    id: str
    prompts: str
    question: str
    answer: str
    legal_actions: str
    game: str
    seat: int
    seed: int


_encode = msgspec.json.Encoder().encode
# Decimals, since a float has no room for every number that metadata may hold.
_decode = msgspec.json.Decoder(dict[str, Any] | None, float_hook=Decimal).decode


def tunix_grpo_line(trace: SelectedTrace, _template: Template) -> bytes:
    """The record's line, with its newline."""
    meta = (_decode(trace.meta) if trace.meta else None) or {}
    record = TunixGrpoRecord(
        trace.id,
        trace.rendered.prompt,
        neutralise(trace.prompt),
        neutralise(trace.final_answer),
        _actions(meta.get("legal_actions")),
        _text(meta.get("game")),
        _whole(meta.get("seat")),
        _whole(meta.get("seed")),
    )
    return _encode(record) + b"\n"


def tunix_grpo_fault(record: dict[str, Any], template: Template) -> str | None:
    """What is wrong with the record, or None: its prompt is one user turn and the open model turn."""
    if not is_one_exchange(record["prompts"], "", template):
        return "prompts is not exactly one user turn and the open model turn"
    texts = (record[name] for name in ("question", "answer", "legal_actions", "game"))
    return control_token_fault(*turn_texts(Rendered(record["prompts"], ""), template), *texts)


def _actions(value: object) -> str:
    """The actions a line each, so that no text of an action can be taken for two; empty where there are none."""
    if not isinstance(value, list) or not all(isinstance(action, str) for action in value):
        return ""
    return "\n".join(neutralise(action.replace("\n", " ")) for action in value)


def _text(value: object) -> str:
    return neutralise(value) if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value in _INT64 else ABSENT
