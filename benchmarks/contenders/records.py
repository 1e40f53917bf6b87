"""A tunix_sft record of a row, in plain Python. The traces hold no control tokens, so that nothing is escaped."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def record(
    row_id: str, created_at: datetime, prompt: str, steps: list[str], answer: str, version: str, meta: dict[str, Any]
) -> dict[str, Any]:
    """The record, its fields in the usual order."""
    opening = f"<start_of_turn>user\n{prompt}<end_of_turn>\n<start_of_turn>model\n"
    reasoning = "".join(f"{number}. {step}\n" for number, step in enumerate(steps, 1))
    return {
        "id": row_id,
        "prompts": f"{opening}Reasoning:\n{reasoning}Answer: {answer}<end_of_turn>",
        "final_answer": answer,
        "metadata": {"created_at": created_at.isoformat(), "trace_version": version, "format": "tunix_sft", **meta},
        "completion_start": len(opening),
    }
