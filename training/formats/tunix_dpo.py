"""`tunix_dpo`: pairs for preference training, a better and a worse answer to one prompt.

Schema: schemas/export/tunix_dpo.schema.json.
"""

from __future__ import annotations

from typing import Any

import msgspec

from training.control_tokens import control_token_fault
from training.formats.record import SelectedTrace
from training.renderers.tunix_sft import Rendered, is_one_exchange, turn_texts
from training.templates import Template


class TunixDpoRecord(msgspec.Struct):
    """The fields in the order in which they are written. `id` is the chosen trace's."""

    id: str
    prompts: str
    chosen_responses: str
    rejected_responses: str


_encode = msgspec.json.Encoder().encode


def tunix_dpo_line(trace: SelectedTrace, _template: Template) -> bytes:
    """The record's line, with its newline; nothing for a trace that is not the better one of a pair."""
    if not trace.rejected:
        return b""
    return _encode(TunixDpoRecord(trace.id, *trace.rendered, trace.rejected)) + b"\n"


def tunix_dpo_fault(record: dict[str, Any], template: Template) -> str | None:
    """What is wrong with the record, or None: it is two answers to one prompt, each of them one exchange with it."""
    for name in ("chosen_responses", "rejected_responses"):
        # An empty response would read as a prompt alone.
        if not record[name] or not is_one_exchange(record["prompts"], record[name], template):
            return f"prompts and {name} are not exactly one user and one model turn"
    if record["chosen_responses"] == record["rejected_responses"]:
        return "chosen_responses and rejected_responses are the same"
    question, chosen = turn_texts(Rendered(record["prompts"], record["chosen_responses"]), template)
    rejected = turn_texts(Rendered(record["prompts"], record["rejected_responses"]), template)[1]
    return control_token_fault(question, chosen, rejected)
