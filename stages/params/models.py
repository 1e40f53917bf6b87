"""The groups of params.yaml. schemas/params.schema.json is made from these models."""

from __future__ import annotations

from keyword import iskeyword
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, field_validator, model_validator

from stages.params.values import (
    NUMBER,
    WHOLE,
    Address,
    CardText,
    ColumnName,
    EvalsetName,
    Finite,
    FormatName,
    Fraction,
    Key,
    Kind,
    License,
    Name,
    Positive,
    Scalar,
    TemplateName,
    key_text,
)
from traces.errors import one_line
from traces.values import comparable, text_of


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


PROMPT = "prompt"  # in `split.group_by` the trace's prompt, and no metadata key

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
    quotas: Annotated[dict[Key, Positive], Field(min_length=1)] | None = None

    @field_validator("quotas", mode="before")
    @classmethod
    def _once_each(cls, quotas: object) -> object:
        names = list(map(key_text, quotas)) if isinstance(quotas, dict) else []
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two quotas are for the value {one_line(twice[0], 60)}: values that are equal are one")
        return quotas

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
        # A number in the order ranks texts that spell it, too.
        keys = [text_of([comparable(value)]) for value in self.order or ()]
        if len(set(keys)) < len(keys):
            raise ValueError("a value is in the order twice: values that are equal are one")
        return self


# Those that the format has itself, the one that the Croissant file adds, and those that Tunix's GRPO calls a reward
# function with.
TAKEN_COLUMNS = frozenset(
    {"id", "prompts", "question", "answer", "legal_actions", "game", "seat", "seed", "split"}
    | {"completions", "mode", "step", "trajectory_ids", "self"}
)


class Export(_Group):
    """`columns` are the metadata keys that become columns of `tunix_grpo`, beside those that it always has."""

    formats: Annotated[list[FormatName], Field(min_length=1)]
    columns: list[ColumnName] = []
    preference: Preference = Preference()

    @model_validator(mode="after")
    def _once(self) -> Export:
        if len(set(self.formats)) < len(self.formats):
            raise ValueError("a format is named twice")
        return self

    @model_validator(mode="after")
    def _own_columns(self) -> Export:
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("a column is named twice in `columns`")
        for name in self.columns:
            if name in TAKEN_COLUMNS or iskeyword(name):
                raise ValueError(
                    f"columns: tunix_grpo, Croissant, Tunix or Python has the name {name} already, so it cannot be a "
                    "column; take it out, or give the metadata key another name before `traces ingest`"
                )
        return self


class Card(_Group):
    """What the dataset card says beside what the pipeline knows; null where nobody has said it."""

    description: CardText | None = None
    source: CardText | None = None
    license: License | None = None
    homepage: Address | None = None
    creator: CardText | None = None
    example: StrictBool = True


class SmokeTrain(_Group):
    samples: Annotated[int, Field(ge=1, le=10_000), WHOLE]
    steps: Annotated[int, Field(ge=1, le=1000), WHOLE]
    lora: StrictBool
    max_tokens: Annotated[int, Field(ge=64, le=2048), WHOLE] = 512


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
