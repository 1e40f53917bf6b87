"""`tunix_grpo`: prompts for reinforcement learning, in flat columns that reward functions get as keywords.

Schema: schemas/export/tunix_grpo.schema.json.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from traces.texts import canonical, is_blank
from training.control_tokens import control_token_fault, neutralise
from training.formats.record import SelectedTrace
from training.renderers.tunix_sft import Rendered, is_one_exchange, turn_texts
from training.templates import Template

# A metadata value is arbitrary, a column is not: what does not fit reads as absent.
ABSENT = -1
_INT64 = range(-(2**63), 2**63)
_WHOLE = re.compile(r"-?[0-9]{1,19}(?:\.0*)?")


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


def not_understood(meta: dict[str, Any]) -> list[str]:
    """The keys among `KEYS` whose values have no place in a column, so that it reads as absent."""
    held = ((key, meta.get(key)) for key in KEYS)
    return [key for key, value in held if value is not None and not KEYS[key](value)]


def _is_actions(value: object) -> bool:
    return isinstance(value, list) and all(_as_text(action) for action in value)


def _is_whole(value: object) -> bool:
    return _as_whole(value) is not None


# The metadata keys that have a column, and whether a value has a place in it.
KEYS: dict[str, Callable[[object], bool]] = {
    "legal_actions": _is_actions,
    "game": lambda value: bool(_as_text(value)),
    "seat": _is_whole,
    "seed": _is_whole,
}


def _actions(value: object) -> str:
    """The actions a line each, so that no text of an action can be taken for two; empty if there are none.

    An action that shows nothing is none. Without the others that it stands among, a list would call a legal move
    illegal: if one is not understood, none is written.
    """
    if not isinstance(value, list):
        return ""
    actions = [_as_text(action) for action in value if not (isinstance(action, str) and is_blank(action))]
    return "\n".join(neutralise(canonical(action)) for action in actions) if all(actions) else ""


def _text(value: object) -> str:
    return neutralise(_as_text(value))


def _as_text(value: object) -> str:
    """A text or a number as text, a whole one without a fraction (7.0 is 7); empty for anything else."""
    if isinstance(value, Decimal):
        return str(int(value)) if value == value.to_integral_value() else f"{value:f}"
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _whole(value: object) -> int:
    whole = _as_whole(value)
    return ABSENT if whole is None else whole


def _as_whole(value: object) -> int | None:
    """A whole number that a column has room for, also one that is written as 7.0 or as text, as pandas and CSV do."""
    text = value.strip() if isinstance(value, str) else _as_text(value)
    if not _WHOLE.fullmatch(text):
        return None
    whole = int(text.partition(".")[0])
    return whole if whole in _INT64 else None
