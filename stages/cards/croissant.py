"""data/export/croissant.json: Croissant metadata, by which dataset search and loaders such as `mlcroissant` go.

Format: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html.
"""

from __future__ import annotations

import json
import re
from typing import Any

from stages.cards.configurations import Column, Configuration
from stages.params.models import Card
from stages.paths import SPLITS

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
# The specification's first appendix; schema.org by https, as `mlcroissant` names it.
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "conformsTo": "dct:conformsTo",
    "description": {"@container": "@language"},
    "name": {"@container": "@language"},
    **{
        name: f"cr:{name}"
        for name in (
            "annotation", "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "excludes", "extract",
            "field", "fileObject", "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset",
            "jsonPath", "key", "md5", "parentField", "path", "readLines", "recordSet", "references", "regex",
            "repeated", "replace", "samplingRate", "sdVersion", "separator", "source", "subField", "transform",
            "unArchive",
        )
    },
}  # fmt: skip
_USAGE = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}
_TYPES = {"string": "sc:Text", "strings": "sc:Text", "int64": "sc:Integer", "json": "sc:Text"}
_BRACES = re.compile(r"[{}\\]")


def croissant(card: Card, manifest: dict[str, Any], configurations: list[Configuration]) -> str:
    """The text of data/export/croissant.json."""
    name, version = manifest["dataset_name"], manifest["dataset_version"]
    described = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": name,
        "description": card.description or f"The dataset {name}, version {version}.",
        "identifier": manifest["dataset_id"],
        "version": semantic_version(version),
        "datePublished": manifest["exported_at"],
        "license": _license(card.license),
        "url": card.homepage,
        "creator": card.creator and {"@type": "sc:Organization", "name": card.creator},
        "citeAs": _citation(card, manifest),
        "rai:dataCollection": card.source,
        "keywords": ["reasoning traces", *(configuration.name for configuration in configurations)],
        "isLiveDataset": False,
        "distribution": [file_set for configuration in configurations for file_set in _file_sets(configuration)],
        "recordSet": [_splits(), *(_record_set(configuration) for configuration in configurations)],
    }
    said = {key: value for key, value in described.items() if value is not None}
    return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def semantic_version(version: str) -> str:
    """`v1` as 1.0.0, the form that the format asks for; what is no such number as it is."""
    numbers = re.fullmatch(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?", version)
    return version if numbers is None else ".".join(str(int(number or 0)) for number in numbers.groups())


def _license(license_: str | None) -> str | dict[str, str]:
    if license_ is None:
        return {"@type": "sc:CreativeWork", "name": "unknown"}
    return license_ if license_.startswith("http") else f"https://spdx.org/licenses/{license_}.html"


def _citation(card: Card, manifest: dict[str, Any]) -> str:
    """BibTeX. Braces and backslashes have a meaning there, and none in a name."""
    said = {
        "title": f"{manifest['dataset_name']} {manifest['dataset_version']}",
        "author": card.creator,
        "year": manifest["exported_at"][:4],
        "url": card.homepage,
        "note": manifest["dataset_id"],
    }
    fields = [f"{key} = {{{_BRACES.sub('', text)}}}" for key, text in said.items() if text]
    return f"@misc{{{manifest['dataset_id']}, {', '.join(fields)}}}"


def _parquet_id(configuration: Configuration) -> str:
    return f"{configuration.name}-parquet"


def _file_sets(configuration: Configuration) -> list[dict[str, Any]]:
    """A format's Parquet copies, from which the records are read, and its JSON Lines: a set each, however many files.

    Records are not read from the JSON Lines, because `mlcroissant` has pandas guess the types of their values.
    """
    parquet_id, lines_id = _parquet_id(configuration), f"{configuration.name}-lines"
    return [
        {
            "@type": "cr:FileSet",
            "@id": parquet_id,
            "name": parquet_id,
            "description": f"The records of {lines_id} as Parquet.",
            "encodingFormat": "application/x-parquet",
            "includes": configuration.parquet(),
            "contentSize": f"{configuration.parquet_bytes} B",
        },
        {
            "@type": "cr:FileSet",
            "@id": lines_id,
            "name": lines_id,
            "description": "The md5 is that of the folder as DVC computes it: of the listing of its files.",
            "encodingFormat": "application/jsonlines",
            "includes": configuration.lines,
            "contentSize": f"{sum(configuration.sizes.values())} B",
            "md5": configuration.md5,
        },
    ]


def _splits() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": "splits/url", "name": "url", "dataType": ["sc:URL", "cr:Split"]},
        ],
        "data": [{"splits/name": split, "splits/url": _USAGE[split]} for split in SPLITS],
    }


def _record_set(configuration: Configuration) -> dict[str, Any]:
    name = configuration.name
    counts = ", ".join(f"{split} {count}" for split, count in configuration.records.items())
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"{configuration.about}. Records: {counts}.",
        "key": {"@id": f"{name}/id"},
        "field": [*(_field(column, configuration) for column in configuration.columns), _split_field(configuration)],
    }


def _field(column: Column, configuration: Configuration) -> dict[str, Any]:
    """A column. Metadata is one text: readers decode numbers and times of a `jsonPath` each in their own way."""
    field_id = f"{configuration.name}/{column.name}"
    about = f"{'JSON text: ' if column.kind == 'json' else ''}{column.described()}"
    described = {"@type": "cr:Field", "@id": field_id, "name": column.name, "description": about}
    array = {"isArray": True, "arrayShape": "-1"} if column.kind in ("strings", "messages") else {}
    source = _source(column, configuration)
    if column.kind != "messages":
        return described | {"dataType": _TYPES[column.kind]} | array | {"source": source}
    parts = [
        {
            "@type": "cr:Field",
            "@id": f"{field_id}/{key}",
            "name": key,
            "dataType": "sc:Text",
            "source": source | {"transform": {"jsonPath": key}},
        }
        for key in ("role", "content")
    ]
    return described | array | {"subField": parts}


def _source(column: Column, configuration: Configuration) -> dict[str, Any]:
    return {"fileSet": {"@id": _parquet_id(configuration)}, "extract": {"column": column.name}}


def _split_field(configuration: Configuration) -> dict[str, Any]:
    """A record's split, by the name of its file: whoever asks for one split reads no other."""
    return {
        "@type": "cr:Field",
        "@id": f"{configuration.name}/split",
        "name": "split",
        "description": "the split, by the file's name",
        "dataType": "sc:Text",
        "source": {
            "fileSet": {"@id": _parquet_id(configuration)},
            "extract": {"fileProperty": "filename"},
            # A reader that joins the splits to the records applies it once more, to the split that it gave.
            "transform": {"regex": f"^({'|'.join(SPLITS)})(?:-.+)?$"},
        },
        # By the specification's text {"@id": ...} alone; `mlcroissant` reads it below `field`.
        "references": {"field": {"@id": "splits/name"}},
    }
