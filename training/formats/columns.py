"""The columns of each format, for readers that want them declared: Parquet, and Hugging Face's `datasets`.

`json` is an object whose keys differ from record to record, such as `metadata`: in Parquet it is JSON text.
"""

from __future__ import annotations

import json
from typing import Any

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

_STRING = {"dtype": "string", "_type": "Value"}
_FEATURES: dict[str, Any] = {
    "string": _STRING,
    "int64": {"dtype": "int64", "_type": "Value"},
    "strings": {"feature": _STRING, "_type": "List"},
    "messages": {"feature": {"role": _STRING, "content": _STRING}, "_type": "List"},
    "json": {"_type": "Json"},
}


def hugging_face_features(format_name: str) -> dict[str, Any]:
    """A format's features as `datasets.Features.from_dict` reads them.

    `load_dataset("json", ..., features=Features.from_dict(...))` needs them: it would take the metadata of the
    first records for that of all, and fail at the first other game.
    """
    return {name: _FEATURES[kind] for name, kind in COLUMNS[format_name].items()}


def hugging_face_metadata(format_name: str) -> str:
    """What `datasets` looks for in a Parquet file's own metadata, under `huggingface`."""
    return json.dumps({"info": {"features": hugging_face_features(format_name)}})
