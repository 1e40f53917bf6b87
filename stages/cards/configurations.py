"""The exported formats as loaders see them: a configuration of Hugging Face's `datasets`, a record set of Croissant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stages.paths import EXPORT, PARQUET, SPLITS, parquet_path, shards
from stages.schemas import load_schema
from training.formats.columns import COLUMNS, EXTRA


@dataclass(frozen=True)
class Column:
    """A field of a format: its kind as training.formats.columns has it, and what it holds, in words.

    `keys` are those that every value of a `json` column has.
    """

    name: str
    kind: str
    about: str
    keys: list[str]

    def described(self, code: str = "{}") -> str:
        """What it holds, with the keys; each key is written by the pattern `code`."""
        if not self.keys:
            return self.about
        return f"{self.about}; always has {', '.join(map(code.format, self.keys))}"


@dataclass(frozen=True)
class Configuration:
    """A format that has records.

    `records` counts them by split, without the splits that have none; `sizes` are the bytes of their JSON Lines.
    `md5` is that of the folder of the JSON Lines, `parquet_bytes` the size of all Parquet copies.
    """

    name: str
    about: str
    columns: list[Column]
    md5: str
    records: dict[str, int]
    sizes: dict[str, int]
    parquet_bytes: int

    @property
    def lines(self) -> str:
        """The glob of its JSON Lines, relative to data/export/."""
        return f"{self.name}/*.jsonl"

    def parquet(self, split: str = "*") -> str:
        """The glob of its Parquet copies, of one split or of all, relative to data/export/."""
        return f"{PARQUET.relative_to(EXPORT).as_posix()}/{self.name}/{split}-*.parquet"


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
    extra = [key for key in export.get("columns", {}) if key not in COLUMNS[name]]
    columns += [Column(key, EXTRA, schema["additionalProperties"]["description"], []) for key in extra]
    records = {split: export["records"][split] for split in SPLITS if export["records"][split]}
    sizes, parquet_bytes = dict.fromkeys(records, 0), 0
    for split, shard in shards(name):
        sizes[split] += shard.stat().st_size
        parquet_bytes += parquet_path(PARQUET, name, shard).stat().st_size
    about = schema["title"].partition(": ")[2]
    return Configuration(name, about, columns, export["md5"], records, sizes, parquet_bytes)


def _column(name: str, kind: str, schema: dict[str, Any]) -> Column:
    return Column(name, kind, schema["description"], list(schema.get("properties", {})))
