"""`messages`: the exchange by roles, for chat templates that the trainer applies.

Schema: schemas/export/messages.schema.json.
"""

from __future__ import annotations

from typing import Any

import msgspec

from training.control_tokens import control_token_fault
from training.formats.record import SelectedTrace, metadata_json
from training.renderers.tunix_sft import turn_texts
from training.templates import Template


class Message(msgspec.Struct):
    """One turn, as chat templates read it."""

    role: str
    content: str


class MessagesRecord(msgspec.Struct):
    """The fields in the order in which they are written."""

    id: str
    messages: list[Message]
    metadata: msgspec.Raw


_encode = msgspec.json.Encoder().encode


def messages_line(trace: SelectedTrace, template: Template) -> bytes:
    """The record's line, with its newline."""
    question, response = turn_texts(trace.rendered, template)
    exchange = [Message("user", question), Message("assistant", response)]
    return _encode(MessagesRecord(trace.id, exchange, metadata_json(trace))) + b"\n"


def messages_fault(record: dict[str, Any], _template: Template) -> str | None:
    """Which control token the record's texts hold, or None."""
    return control_token_fault(*(message["content"] for message in record["messages"]))
