"""`tunix_grpo`: prompts for reinforcement learning, in flat columns that reward functions get as keywords.

Schema: schemas/export/tunix_grpo.schema.json.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from traces.texts import canonical, is_blank
from training.control_tokens import control_token_fault, neutralise
from training.formats.record import SelectedTrace
from training.renderers.tunix_sft import Rendered, is_one_exchange, turn_texts
from training.templates import Template

# A metadata value is arbitrary, a column is not: a value that does not fit is not understood, and reads as absent.
ABSENT = -1
_INT64 = range(-(2**63), 2**63)
_WHOLE = re.compile(r"-?[0-9]{1,19}(?:\.0*)?")
_FLOAT = re.compile(r"-?[0-9]+\.0+")
T = TypeVar("T")


@dataclass
class ColumnCounts:
    """How many records lack a metadata key, or have a value that its column has no place for, by key."""

    absent: Counter[str] = field(default_factory=Counter)
    not_understood: Counter[str] = field(default_factory=Counter)

    def merge(self, other: ColumnCounts) -> None:
        self.absent += other.absent
        self.not_understood += other.not_understood


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
_decode_raw = msgspec.json.Decoder(dict[str, msgspec.Raw] | None).decode
_decode_text = msgspec.json.Decoder(str).decode


def tunix_grpo_line(
    trace: SelectedTrace, _template: Template, columns: Sequence[str] = (), counts: ColumnCounts | None = None
) -> bytes:
    """The record's line, with its newline.

    `columns` are metadata keys that become columns, after the others. `counts` gets what the columns lack.
    """
    counts = counts or ColumnCounts()
    meta = (_decode(trace.meta) if trace.meta else None) or {}
    record = TunixGrpoRecord(
        trace.id,
        trace.rendered.prompt,
        neutralise(trace.prompt),
        neutralise(trace.final_answer),
        _column(meta, "legal_actions", _actions, "", counts),
        _column(meta, "game", _text, "", counts),
        _column(meta, "seat", _whole, ABSENT, counts),
        _column(meta, "seed", _whole, ABSENT, counts),
    )
    line = _encode(record)
    if columns:
        line = line[:-1] + b"," + _encode(_extra(trace.meta, columns, counts))[1:]
    return line + b"\n"


def tunix_grpo_fault(record: dict[str, Any], template: Template) -> str | None:
    """What is wrong with the record, or None: its prompt is one user turn and the open model turn."""
    if not is_one_exchange(record["prompts"], "", template):
        return "prompts is not exactly one user turn and the open model turn"
    texts = (value for name, value in record.items() if name not in ("id", "prompts") and isinstance(value, str))
    return control_token_fault(*turn_texts(Rendered(record["prompts"], ""), template), *texts)


def _column(meta: dict[str, Any], key: str, read: Callable[[Any], T | None], absent: T, counts: ColumnCounts) -> T:
    """The column's value, or `absent`, counted, if there is none or `read` has no place for it."""
    value = meta.get(key)
    if value is None:
        counts.absent[key] += 1
        return absent
    found = read(value)
    if found is None:
        counts.not_understood[key] += 1
        return absent
    return found


def _actions(value: object) -> str | None:
    """The actions a line each, so that no text of an action can be taken for two.

    An action that shows nothing is none. If one is not understood, none is written: without that one, the list would
    call a legal move illegal.
    """
    if not isinstance(value, list):
        return None
    actions = []
    for action in value:
        text = _as_text(action)
        if text is None:
            return None
        if not is_blank(text):
            actions.append(canonical(text))
    # No control token holds a line's end, so all actions can be neutralised at once.
    return neutralise("\n".join(actions))


def _text(value: object) -> str | None:
    text = _as_text(value)
    return None if text is None else neutralise(text)


def _as_text(value: object) -> str | None:
    """A text or a number as text, a whole number without a fraction (7.0 is 7); None for anything else."""
    kind = type(value)  # JSON has no subclasses, and `bool` must not count as a number
    if kind is str or kind is int:
        return str(value)
    if kind is not Decimal:
        return None
    text = f"{value:f}"
    whole, _, fraction = text.partition(".")
    return text if fraction.strip("0") else whole


def _whole(value: object) -> int | None:
    """A whole number that a column has room for, also one that is written as 7.0 or as text, as pandas and CSV do."""
    if type(value) is int:
        return value if value in _INT64 else None
    text = value.strip() if isinstance(value, str) else _as_text(value)
    if text is None or not _WHOLE.fullmatch(text):
        return None
    whole = int(text.partition(".")[0])
    return whole if whole in _INT64 else None


def _extra(meta: str, columns: Sequence[str], counts: ColumnCounts) -> dict[str, str]:
    """The columns that params name: a text as it is, a number as in `_as_text`, anything else as JSON text.

    Empty if the trace has no such key, or null there.
    """
    held = (_decode_raw(meta) if meta else None) or {}
    found = dict.fromkeys(columns, "")
    for key in columns:
        raw = bytes(held.get(key, b"null"))
        if raw == b"null":
            counts.absent[key] += 1
        elif raw.startswith(b'"'):
            found[key] = neutralise(_decode_text(raw))
        else:
            found[key] = neutralise(_without_fraction(raw.decode()))
    return found


def _without_fraction(number: str) -> str:
    """JSON text; a whole number that has a fraction of zeros without it."""
    return number.partition(".")[0] if _FLOAT.fullmatch(number) else number
