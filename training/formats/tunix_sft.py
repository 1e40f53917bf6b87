"""`tunix_sft`: the rendered text, and where the part to be learned begins.

Schema: schemas/export/tunix_sft.schema.json.
"""

from __future__ import annotations

import msgspec

from training.control_tokens import neutralise
from training.formats.record import SelectedTrace, metadata_json


class TunixSftRecord(msgspec.Struct):
    """The fields in the order in which they are written. `completion_start` counts code points."""

    id: str
    prompts: str
    final_answer: str
    metadata: msgspec.Raw
    completion_start: int


_encode = msgspec.json.Encoder().encode


def tunix_sft_line(trace: SelectedTrace) -> bytes:
    """The record's line, with its newline."""
    prompt, completion = trace.rendered
    metadata = metadata_json(trace, format="tunix_sft")
    record = TunixSftRecord(trace.id, prompt + completion, neutralise(trace.final_answer), metadata, len(prompt))
    return _encode(record) + b"\n"
