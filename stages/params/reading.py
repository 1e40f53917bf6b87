"""params.yaml as it is read: checked as a whole, and every fault named by its key."""

from __future__ import annotations

import os
from datetime import date, datetime
from pathlib import Path

from pydantic import ValidationError

from stages.params.leaks import secrets_of
from stages.params.models import Params
from stages.yaml_file import read_yaml
from traces.errors import TracesError, one_line

PARAMS = Path("params.yaml")


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
        kind = "time" if isinstance(value, datetime) else "date"
        raise TracesError(f'{where}: reads as a {kind}, which DVC refuses; put it in quotes: "{value.isoformat()}"')
