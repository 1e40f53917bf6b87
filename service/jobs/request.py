"""What a dataset is asked for with, checked by the params' own models, and the experiment that it asks for."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from service.jobs.overrides import ARGUMENT_BYTES, KEY, comes_through, literal, overrides
from stages.params.models import FilterValue, Range, Stratify
from stages.params.values import WHOLE, FormatName, Fraction, Name, TemplateName

# No argument of a command, or not as it is: NUL, a line end that YAML takes for a space, half of a pair.
_UNFIT = re.compile("[\0\x85\ud800-\udfff]")


def _literal(value: object) -> object:
    """Refuse `${` wherever it stands: DVC's `-S` would put this process's environment in its place."""
    if isinstance(value, str) and "${" in value:
        raise ValueError("holds `${`; every value is a literal, nothing is taken from the environment")
    if isinstance(value, str) and (found := _UNFIT.search(value)):
        raise ValueError(f"holds U+{ord(found[0]):04X}, a character that cannot be passed on")
    for item in [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ():
        _literal(item)
    return value


Key = Annotated[str, Field(pattern=f"^{KEY.pattern}$")]
# By itself, so that a fault is said of its key.
Wanted = Annotated[FilterValue, BeforeValidator(_literal)]


class SplitRequest(BaseModel):
    """A split, by what it differs in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    validation: Fraction | None = None
    test: Fraction | None = None
    group_by: list[str] | None = None


class BuildRequest(BaseModel):
    """A dataset, by the params that it differs in; the others are those of params.yaml."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {"name": "duels", "version": "v1", "filters": {"game": "high_card_duel"}, "formats": ["tunix_sft"]}
            ]
        },
    )

    name: Name
    version: Name
    filters: dict[Key, Wanted] = Field(
        {},
        description="replaces the whole group: what is not named is not filtered",
        json_schema_extra={"additionalProperties": False},
    )
    strategy: Literal["all", "latest", "random", "stratified", "quality"] = "all"
    limit: Annotated[int, Field(ge=1, lt=2**63), WHOLE] | None = Field(None, validate_default=True)
    seed: Annotated[int, Field(ge=0, lt=2**63), WHOLE] | None = Field(None, validate_default=True)
    stratify: Stratify | None = None
    split: SplitRequest | None = Field(None, description="what is left out is as in params.yaml")
    formats: Annotated[list[FormatName], Field(min_length=1, max_length=6)] | None = None
    template: TemplateName | None = None

    @field_validator(
        "name", "version", "strategy", "limit", "seed", "stratify", "split", "formats", "template", mode="before"
    )
    @classmethod
    def _literals(cls, value: object) -> object:
        return _literal(value)

    @field_validator("filters", "stratify", "split")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if len(literal(_plain(value)).encode()) > ARGUMENT_BYTES:
            raise ValueError("is too long to be passed on")
        return value

    @field_validator("stratify")
    @classmethod
    def _passable(cls, value: Stratify | None) -> Stratify | None:
        for key in (value and value.quotas) or {}:
            if not comes_through(key):
                raise ValueError(
                    f"quotas with the key {key!r} cannot be passed on; give the traces another value to go by"
                )
        return value

    @field_validator("limit")
    @classmethod
    def _wanted(cls, limit: int | None, info: ValidationInfo) -> int | None:
        if limit is not None and info.data.get("strategy") == "all":
            raise ValueError("a limit needs strategy latest, random, stratified or quality: `all` takes every trace")
        return limit

    @field_validator("seed")
    @classmethod
    def _seeded(cls, seed: int | None, info: ValidationInfo) -> int | None:
        strategy = info.data.get("strategy")
        if seed is None and strategy in ("random", "stratified"):
            raise ValueError(f"strategy {strategy} needs a seed, a whole number")
        return seed

    def params(self, held: dict[str, Any]) -> dict[str, Any]:
        """The params of the experiment: `held`, those of params.yaml, with what is asked for."""
        return held | {group: (held.get(group) or {}) | values for group, values in self._groups(held).items()}

    def arguments(self, held: dict[str, Any]) -> list[str]:
        """The same as values for `-S`."""
        return [one for group, values in self._groups(held).items() for one in overrides(group, values)]

    def _groups(self, held: dict[str, Any]) -> dict[str, dict[str, Any]]:
        filters = dict.fromkeys(held.get("filters") or {}) | {key: _plain(value) for key, value in self.filters.items()}
        stratify = Stratify() if self.stratify is None else self.stratify
        selection = {
            "strategy": self.strategy,
            "limit": self.limit,
            "seed": self.seed,
            "stratify": stratify.model_dump(),
        }
        groups: dict[str, dict[str, Any]] = {
            "dataset": {"name": self.name, "version": self.version},
            "filters": filters,
            "selection": selection,
        }
        if self.split is not None:
            groups["split"] = self.split.model_dump(exclude_none=True)
        if self.formats is not None:
            groups["export"] = {"formats": list(self.formats)}
        if self.template is not None:
            groups["render"] = {"template": self.template}
        return groups


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value.model_dump(exclude_none=isinstance(value, Range)) if isinstance(value, BaseModel) else value
