"""`training_example`: question and answer as plain text, without a template.

Schema: schemas/export/training_example.schema.json.
"""

from __future__ import annotations

from typing import Any

import msgspec

from training.control_tokens import control_token_fault
from training.formats.record import SelectedTrace, metadata_json
from training.renderers.tunix_sft import turn_texts
from training.templates import Template

# As established: the question, a blank line, this.
REQUEST = "Please show your reasoning steps."


class TrainingExampleRecord(msgspec.Struct):
    """The fields in the order in which they are written."""

    id: str
    prompt: str
    response: str
    metadata: msgspec.Raw


_encode = msgspec.json.Encoder().encode


def training_example_line(trace: SelectedTrace, template: Template) -> bytes:
    """The record's line, with its newline."""
    question, response = turn_texts(trace.rendered, template)
    record = TrainingExampleRecord(trace.id, f"{question}\n\n{REQUEST}", response, metadata_json(trace))
    return _encode(record) + b"\n"


def training_example_fault(record: dict[str, Any], _template: Template) -> str | None:
    """Which control token the record's texts hold, or None."""
    return control_token_fault(record["prompt"], record["response"])
