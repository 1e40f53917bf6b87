"""The exported formats as loaders see them: a configuration of Hugging Face's `datasets`, a record set of Croissant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stages.paths import SPLITS, shards
from stages.schemas import load_schema
from training.formats.columns import COLUMNS


@dataclass(frozen=True)
class Column:
    """A field of a format: its kind as training.formats.columns has it, and what it holds, in words.

    `keys` are those that every value of a `json` column has, each with its JSON Schema.
    """

    name: str
    kind: str
    about: str
    keys: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Configuration:
    """A format that has records: `records` and `sizes` (bytes) by split, without the splits that have none."""

    name: str
    about: str
    columns: list[Column]
    md5: str
    records: dict[str, int]
    sizes: dict[str, int]

    def files(self, split: str = "*") -> str:
        """The glob of its shards, of one split or of all, from data/export/ on."""
        return f"{self.name}/{split}-*.jsonl"


def configurations(manifest: dict[str, Any]) -> list[Configuration]:
    """Of the formats that a manifest lists, those that have records; the one to load by default is first.

    Raises:
        TracesError: a format's schema is missing.
    """
    # For supervised training: what most come for.
    order = sorted(manifest["exports"], key=lambda name: name != "tunix_sft")
    found = (_configuration(name, manifest["exports"][name]) for name in order)
    return [configuration for configuration in found if configuration.records]


def _configuration(name: str, export: dict[str, Any]) -> Configuration:
    schema = load_schema(f"export/{name}")
    columns = [_column(column, kind, schema["properties"][column]) for column, kind in COLUMNS[name].items()]
    records = {split: export["records"][split] for split in SPLITS if export["records"][split]}
    sizes = dict.fromkeys(records, 0)
    for split, shard in shards(name):
        sizes[split] += shard.stat().st_size
    about = schema["title"].partition(": ")[2]
    return Configuration(name, about, columns, export["md5"], records, sizes)


def _column(name: str, kind: str, schema: dict[str, Any]) -> Column:
    return Column(name, kind, schema["description"], schema.get("properties", {}))
