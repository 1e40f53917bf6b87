"""`trace`: the trace itself, raw text and all. Schema: schemas/export/trace.schema.json."""

from __future__ import annotations

import msgspec

from training.formats.record import SelectedTrace, metadata_json
from training.templates import Template


class TraceRecord(msgspec.Struct):
    """The fields in the order in which they are written."""

    id: str
    prompts: str
    trace_steps: list[str]
    final_answer: str
    metadata: msgspec.Raw


_encode = msgspec.json.Encoder().encode


def trace_line(trace: SelectedTrace, _template: Template) -> bytes:
    """The record's line, with its newline."""
    record = TraceRecord(trace.id, trace.prompt, trace.trace_steps, trace.final_answer, metadata_json(trace))
    return _encode(record) + b"\n"
