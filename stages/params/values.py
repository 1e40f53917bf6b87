"""The kinds of value in params.yaml, as YAML and Hydra write them."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from traces.values import comparable, text_of


def _whole(value: object) -> object:
    """Hydra reads `1e3` as 1000.0; text and booleans are no numbers."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool | str):
        raise ValueError("is not a whole number")
    return value


def _number(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("is not a number")
    return value


def key_text(value: object) -> str:
    """A key of a mapping as text, the same for equal values: YAML reads `0:` as a number, `true:` as a boolean."""
    return text_of(comparable(value if isinstance(value, str) else json.dumps(value)))


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


# After the bounds, which the schema would not name otherwise.
WHOLE, NUMBER = BeforeValidator(_whole), BeforeValidator(_number)
Positive = Annotated[int, Field(ge=1), WHOLE]
Name = Annotated[str, BeforeValidator(_text), Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
# A file in data/evalsets/, so no path.
EvalsetName = Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.jsonl$")]
Fraction = Annotated[float, Field(ge=0, le=1), NUMBER]
# Infinity and NaN are no JSON, and no metadata value is one.
Finite = Annotated[StrictFloat, Field(allow_inf_nan=False)]
Scalar = StrictBool | StrictInt | Finite | StrictStr
_SPDX, _ADDRESS = "[A-Za-z0-9][A-Za-z0-9.+-]{0,63}", "https?://[!#-;=?-~]+"
License = Annotated[StrictStr, Field(pattern=f"^({_SPDX}|{_ADDRESS})$")]
Address = Annotated[StrictStr, Field(pattern=f"^{_ADDRESS}$")]
# JSON and DVC's lock write every key as text, so a value that is a key is named by its text.
Key = Annotated[str, BeforeValidator(key_text)]
CardText = Annotated[StrictStr, Field(min_length=1, max_length=4000)]
# Named here, so that a stage does not depend on the code of formats and templates that it never uses; a
# test holds these to training.formats and training.templates.
TemplateName = Literal["gemma", "llama3", "qwen3"]
Kind = Literal["secrets", "emails"]
# A keyword argument of a reward function, and none of those that Tunix's GRPO passes itself.
ColumnName = Annotated[StrictStr, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
FormatName = Literal["trace", "tunix_sft", "tunix_grpo", "tunix_dpo", "training_example", "messages"]
