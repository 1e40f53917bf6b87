"""params.yaml: every knob that changes the data. schemas/params.schema.json is made from these models."""

from __future__ import annotations

import json
import os
from copy import deepcopy
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from stages.leaks import secrets_of
from traces.errors import TracesError, one_line

PARAMS = Path("params.yaml")


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


def _key(value: object) -> object:
    """A key of a mapping as text: YAML reads `0:` as a number, `true:` as a boolean."""
    return value if isinstance(value, str) else json.dumps(value)


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
CardText = Annotated[StrictStr, Field(min_length=1, max_length=4000)]
# Named here, so that a stage does not depend on the code of formats and templates that it never uses; a
# test holds these to training.formats and training.templates.
TemplateName = Literal["gemma", "llama3", "qwen3"]
Kind = Literal["secrets", "emails"]
FormatName = Literal["trace", "tunix_sft", "tunix_grpo", "tunix_dpo", "training_example", "messages"]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Range(_Group):
    """Both ends are included; one may be left out."""

    min: StrictInt | Finite | StrictStr | None = None
    max: StrictInt | Finite | StrictStr | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Range:
        if self.min is None and self.max is None:
            raise ValueError("a range needs min, max or both")
        return self


FilterValue = Scalar | list[Scalar] | Range | None


class Dataset(_Group):
    name: Name
    version: Name


class Extract(_Group):
    partition_rows: Annotated[int, Field(ge=1, le=1_000_000), WHOLE]
    max_quarantined: Annotated[int, Field(ge=0), WHOLE]
    # 10^9 is as much as a database holds in one value, and half of what a column of Arrow's does.
    max_payload_bytes: Annotated[int, Field(ge=1, le=1_000_000_000), WHOLE] = 10_000_000
    scores: Annotated[StrictStr, Field(min_length=1, max_length=64)] | None = None


class Stratify(_Group):
    """Strata are the traces with equal values of `by`; `quotas` says how many of each of one key's values."""

    by: list[Annotated[StrictStr, Field(min_length=1)]] = []
    # JSON and DVC's lock write every key as text, so a value is named by its text.
    quotas: Annotated[dict[Annotated[str, BeforeValidator(_key)], Positive], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _of_one_key(self) -> Stratify:
        if self.quotas is not None and len(self.by) != 1:
            raise ValueError("quotas are by the values of one key: give `by` one")
        return self


class Selection(_Group):
    strategy: Literal["all", "latest", "random", "stratified", "quality"]
    limit: Annotated[int, Field(ge=1, lt=2**63), WHOLE] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63), WHOLE] | None = None
    stratify: Stratify = Stratify()
    min_score: Annotated[float, Field(allow_inf_nan=False), NUMBER] | None = None
    min_characters: Positive | None = None
    max_characters: Positive | None = None
    dedup: Literal["none", "exact", "near"]
    near_threshold: Annotated[float, Field(ge=0.5, le=1), NUMBER] = 0.9

    @property
    def scored(self) -> bool:
        """Whether scores are asked for."""
        return self.strategy == "quality" or self.min_score is not None

    @model_validator(mode="after")
    def _complete(self) -> Selection:
        stratified = self.strategy == "stratified"
        if self.strategy in ("random", "stratified") and self.seed is None:
            raise ValueError(f"strategy {self.strategy} needs selection.seed, a whole number")
        if self.strategy == "all" and self.limit is not None:
            raise ValueError("a limit needs strategy latest, random, stratified or quality: `all` takes every trace")
        if stratified != bool(self.stratify.by):
            raise ValueError("strategy stratified and selection.stratify.by, a list of metadata keys, need each other")
        if stratified and (self.limit is None) == (self.stratify.quotas is None):
            raise ValueError("strategy stratified needs either selection.limit, shared equally, or stratify.quotas")
        low, high = self.min_characters, self.max_characters
        if low is not None and high is not None and low > high:
            raise ValueError(f"min_characters {low} is over max_characters {high}")
        return self


class Decontaminate(_Group):
    """Traces that hold so much of a prompt in an evaluation set are set aside."""

    evalsets: list[EvalsetName] = []
    ngram: Annotated[int, Field(ge=1, le=100), WHOLE] = 8
    threshold: Annotated[float, Field(gt=0, le=1), NUMBER] = 0.5

    @model_validator(mode="after")
    def _once(self) -> Decontaminate:
        if len(set(self.evalsets)) < len(self.evalsets):
            raise ValueError("a file is named twice in evalsets")
        return self


class Privacy(_Group):
    """Traces that hold any of these are set aside."""

    set_aside: list[Kind] = []


class Split(_Group):
    validation: Fraction
    test: Fraction
    group_by: list[str]

    @model_validator(mode="after")
    def _fits(self) -> Split:
        if self.validation + self.test > 1:
            raise ValueError("validation and test together are over 1")
        return self

    @property
    def asked(self) -> list[str]:
        """The splits that must not be empty."""
        shares = {"train": 1 - self.validation - self.test, "validation": self.validation, "test": self.test}
        return [name for name, share in shares.items() if share > 1e-12]


class Render(_Group):
    template: TemplateName
    system: Annotated[str, Field(min_length=1)] | None = None
    control_tokens: Literal["neutralise", "reject"]


class Preference(_Group):
    key: Annotated[StrictStr, Field(min_length=1)] | None = None
    order: Annotated[list[Scalar], Field(min_length=2)] | None = None

    @model_validator(mode="after")
    def _of_a_key(self) -> Preference:
        if self.order is not None and self.key is None:
            raise ValueError("an order needs the key whose values it orders; by scores, the higher is the better")
        if self.order is not None and len({(type(value), value) for value in self.order}) < len(self.order):
            raise ValueError("a value is in the order twice")
        return self


class Export(_Group):
    formats: Annotated[list[FormatName], Field(min_length=1)]
    parquet: StrictBool
    preference: Preference = Preference()

    @model_validator(mode="after")
    def _once(self) -> Export:
        if len(set(self.formats)) < len(self.formats):
            raise ValueError("a format is named twice")
        return self


class Card(_Group):
    """What the dataset card says beside what the pipeline knows; null where nobody has said it."""

    description: CardText | None = None
    source: CardText | None = None
    license: Annotated[StrictStr, Field(pattern=f"^({_SPDX}|{_ADDRESS})$")] | None = None
    homepage: Annotated[StrictStr, Field(pattern=f"^{_ADDRESS}$")] | None = None
    creator: CardText | None = None
    example: StrictBool = True


class SmokeTrain(_Group):
    samples: Annotated[int, Field(ge=1, le=10_000), WHOLE]
    steps: Annotated[int, Field(ge=1, le=1000), WHOLE]
    lora: StrictBool


class Params(_Group):
    """The whole of params.yaml."""

    model_config = ConfigDict(
        json_schema_extra={
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "urn:trace-datasets:params:1",
        }
    )

    dataset: Dataset
    extract: Extract
    filters: dict[str, FilterValue]
    selection: Selection
    decontaminate: Decontaminate = Decontaminate()
    privacy: Privacy = Privacy()
    split: Split
    render: Render
    export: Export
    card: Card = Card()
    smoke_train: SmokeTrain

    @model_validator(mode="after")
    def _ranked_once(self) -> Params:
        key, scores = self.export.preference.key, self.extract.scores
        both = key is not None and scores is not None and not self.selection.scored
        if "tunix_dpo" in self.export.formats and (both or (key is None and scores is None)):
            ranks = "both rank" if both else "neither ranks"
            raise ValueError(
                f"export.formats: tunix_dpo: of export.preference.key and extract.scores {ranks}; "
                "set the one, and the other null"
            )
        return self

    @model_validator(mode="after")
    def _scored(self) -> Params:
        if self.selection.scored and self.extract.scores is None:
            asks = "strategy quality" if self.selection.strategy == "quality" else "min_score"
            raise ValueError(
                f"selection: {asks} needs scores; name their criteria in extract.scores, and run `traces pin`"
            )
        return self


def read_yaml(path: Path) -> Any:
    """The content of a YAML file, by the parser that DVC uses.

    Raises:
        TracesError: it is missing or not YAML.
    """
    try:
        return deepcopy(_parsed(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise TracesError(f"{path}: no such file; run from the repository's root, or `git checkout {path}`") from None
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise TracesError(f"{path}{line}: {one_line(str(error.problem or error.context))}") from None
    except (OSError, ValueError, YAMLError) as error:
        raise TracesError(f"{path}: {one_line(str(error))}") from None


@lru_cache(maxsize=2)
def _parsed(text: str) -> Any:
    """What a text says. Remembered: dvc.lock takes a quarter of a second, and a stage looks into it more than once."""
    return YAML(typ="safe").load(text)


def load_params(path: Path = PARAMS) -> Params:
    """The whole of params.yaml, checked.

    Raises:
        TracesError: it is not what its schema says; the message names the key.
    """
    held = read_yaml(path)
    if not isinstance(held, dict):
        raise TracesError(f"{path}: expected groups of params; `git checkout {path}` restores it")
    _refuse_environment(held, str(path), secrets_of(os.environ))
    try:
        return Params.model_validate(held)
    except ValidationError as error:
        raise TracesError(f"{path}: {_explain(error)}") from None


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    # The place as the user wrote it: pydantic adds the names of the types it tried.
    place = [str(part) for part in first["loc"]]
    where = ".".join(place[:2] if place[:1] == ["filters"] else place)
    if first["type"] == "missing":
        return f"{where}: is missing"
    if first["type"] == "extra_forbidden":
        return f"{where}: no such param"
    if place[:1] == ["filters"] and len(place) > 1:
        shown = one_line(repr(first["input"]), 60)
        return f"{where}: {shown} is not a scalar, a list of scalars, a range {{min:, max:}} or null"
    what = first["msg"].removeprefix("Value error, ")
    given = "" if isinstance(first["input"], dict) else f"{one_line(repr(first['input']), 60)}: "
    # What several groups say together names its own place.
    return f"{where}: {given}{what[:1].lower()}{what[1:]}" if where else what


def _refuse_environment(value: object, where: str, secrets: list[tuple[str, str]]) -> None:
    """Refuse `${`, which DVC's -S would resolve, and what it has already resolved to: a secret would go into Git."""
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_environment(key, f"{where}: a key", secrets)
            _refuse_environment(item, f"{where}: {key}" if where.endswith(".yaml") else f"{where}.{key}", secrets)
    elif isinstance(value, list):
        for item in value:
            _refuse_environment(item, where, secrets)
    elif isinstance(value, str) and "${" in value:
        raise TracesError(f"{where}: holds `${{`; every value is a literal, nothing is taken from the environment")
    elif isinstance(value, str):
        for name, secret in secrets:
            if secret in value:
                raise TracesError(
                    f"{where}: holds the secret in the environment variable {name}; `git checkout {PARAMS}`, and see "
                    "docs/trust.md for what `-S` may have left of it in Git"
                )
    elif isinstance(value, date):
        raise TracesError(f"{where}: {value} reads as a date; put it in quotes")


def params_schema() -> str:
    """The text of schemas/params.schema.json, which editors read."""
    return json.dumps(Params.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    Path("schemas/params.schema.json").write_text(params_schema(), encoding="utf-8")
