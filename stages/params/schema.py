"""schemas/params.schema.json, by which editors know params.yaml."""

from __future__ import annotations

import json
from pathlib import Path

from stages.params.models import Params


def params_schema() -> str:
    """The text of schemas/params.schema.json, which editors read."""
    return json.dumps(Params.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    Path("schemas/params.schema.json").write_text(params_schema(), encoding="utf-8")
