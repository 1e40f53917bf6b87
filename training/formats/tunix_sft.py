"""`tunix_sft`: the rendered text, and where the part to be learned begins.

Schema: schemas/export/tunix_sft.schema.json.
"""

from __future__ import annotations

from typing import Any

import msgspec

from training.control_tokens import control_token_fault, neutralise
from training.formats.record import SelectedTrace, metadata_json
from training.renderers.tunix_sft import Rendered, is_one_exchange, turn_texts
from training.templates import Template


class TunixSftRecord(msgspec.Struct):
    """The fields in the order in which they are written. `completion_start` counts code points."""

    id: str
    prompts: str
    final_answer: str
    metadata: msgspec.Raw
    completion_start: int


_encode = msgspec.json.Encoder().encode


def tunix_sft_line(trace: SelectedTrace, template: Template) -> bytes:
    """The record's line, with its newline. If the prompt has a system text, the metadata say it, as `system`."""
    prompt, completion = trace.rendered
    system = _system_text(trace, template)
    metadata = metadata_json(trace, format="tunix_sft", **({"system": system} if system else {}))
    record = TunixSftRecord(trace.id, prompt + completion, neutralise(trace.final_answer), metadata, len(prompt))
    return _encode(record) + b"\n"


def _system_text(trace: SelectedTrace, template: Template) -> str:
    """What stands between the opening of the user's turn and the question, or nothing."""
    prompt, start = trace.rendered.prompt, len(template.user_open)
    end = len(prompt) - len(template.user_close + template.model_open)
    if end - start == len(trace.prompt):  # the question alone
        return ""
    return prompt[start : end - len(neutralise(trace.prompt))].removesuffix("\n\n")


def tunix_sft_fault(record: dict[str, Any], template: Template) -> str | None:
    """What is wrong with the record, or None: its text is one exchange, its second part from `completion_start` on."""
    # JSON Schema counts 249.0 as an integer.
    text, start = record["prompts"], int(record["completion_start"])
    if not text[:start].endswith(template.model_open):
        return f"completion_start {start} is not where the model's turn begins"
    if not is_one_exchange(text[:start], text[start:], template):
        return "not exactly one user and one model turn"
    return control_token_fault(*turn_texts(Rendered(text[:start], text[start:]), template), record["final_answer"])
