"""The columns of each format, for readers that want them declared: Parquet, Croissant and Hugging Face's `datasets`.

`json` is an object whose keys differ from record to record, such as `metadata`: outside of JSON Lines it is JSON text.
"""

from __future__ import annotations

from collections.abc import Sequence

# The columns of `tunix_grpo` that are metadata keys, apart from those that `export.columns` names.
METADATA_KEYS = ("legal_actions", "game", "seat", "seed")
EXTRA = "string"  # the type of each column that `export.columns` names

COLUMNS: dict[str, dict[str, str]] = {
    "trace": {
        "id": "string",
        "prompts": "string",
        "trace_steps": "strings",
        "final_answer": "string",
        "metadata": "json",
    },
    "tunix_sft": {
        "id": "string",
        "prompts": "string",
        "final_answer": "string",
        "metadata": "json",
        "completion_start": "int64",
    },
    "tunix_grpo": {
        "id": "string",
        "prompts": "string",
        "question": "string",
        "answer": "string",
        "legal_actions": "string",
        "game": "string",
        "seat": "int64",
        "seed": "int64",
    },
    "tunix_dpo": {
        "id": "string",
        "prompts": "string",
        "chosen_responses": "string",
        "rejected_responses": "string",
    },
    "training_example": {"id": "string", "prompt": "string", "response": "string", "metadata": "json"},
    "messages": {"id": "string", "messages": "messages", "metadata": "json"},
}


def columns_of(format_name: str, extra: Sequence[str] = ()) -> dict[str, str]:
    """The columns of a format; `extra` are those that `export.columns` adds to `tunix_grpo`."""
    return COLUMNS[format_name] | (dict.fromkeys(extra, EXTRA) if format_name == "tunix_grpo" else {})
