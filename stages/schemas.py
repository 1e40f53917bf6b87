"""schemas/: JSON Schemas (2020-12), and the validators made of them.

`jsonschema_rs` does the bulk; `jsonschema`, the reference, is held against it in the tests. Both know one
keyword beside the standard's: `uniqueBy: KEY`, that no two items of an array are equal in KEY.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs

from traces.errors import TracesError
from traces.ignored import list_files

SCHEMAS = Path("schemas")


def load_schema(name: str) -> dict[str, Any]:
    """The schema NAME, such as `export/trace`.

    Raises:
        TracesError: it is missing or not JSON.
    """
    path = SCHEMAS / f"{name}.schema.json"
    try:
        schema: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TracesError(f"{path}: {error}; `git checkout {path}` restores it") from None
    return schema


def schema_versions() -> dict[str, int]:
    """The version of each schema, from the end of its `$id`: `urn:trace-datasets:NAME:VERSION`."""
    suffix = ".schema.json"
    stems = [name.removesuffix(suffix) for name in list_files(SCHEMAS) if name.endswith(suffix)]
    return {stem: int(load_schema(stem)["$id"].rpartition(":")[2]) for stem in stems}


class _UniqueBy:
    """The keyword `uniqueBy` for jsonschema_rs."""

    def __init__(self, _schema: dict[str, Any], value: str, _path: list[str]) -> None:
        self.key = value

    def validate(self, instance: Any) -> None:
        if not unique_by(self.key, instance):
            raise ValueError(f"two items have the same {self.key}")


def unique_by(key: str, instance: Any) -> bool:
    """Whether no two objects in an array are equal in `key`; true of anything else."""
    if not isinstance(instance, list):
        return True
    values = [item[key] for item in instance if isinstance(item, dict) and key in item]
    hashable = [value for value in values if isinstance(value, int | float | str)]
    return len(set(hashable)) == len(hashable)


def fast_validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """A compiled validator, formats asserted."""
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, keywords={"uniqueBy": _UniqueBy})
