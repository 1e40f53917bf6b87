"""The front matter of the dataset card: what Hugging Face's `datasets` and its Hub read of it.

Keys: https://huggingface.co/docs/hub/datasets-cards.
"""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML

from stages.cards.configurations import Configuration
from stages.params.models import Card

# As `datasets` writes features in YAML.
_FEATURES: dict[str, dict[str, Any]] = {
    "string": {"dtype": "string"},
    "int64": {"dtype": "int64"},
    "strings": {"list": "string"},
    "messages": {"list": [{"name": "role", "dtype": "string"}, {"name": "content", "dtype": "string"}]},
    # Text, not `json`: `datasets` would decode it by a parser that rounds numbers.
    "json": {"dtype": "string"},
}
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))


def front_matter(card: Card, manifest: dict[str, Any], configurations: list[Configuration]) -> str:
    """YAML, without the lines that fence it."""
    described = {
        "pretty_name": f"{manifest['dataset_name']} {manifest['dataset_version']}",
        **_license(card.license),
        "task_categories": ["text-generation"],
        "tags": ["reasoning", "tunix"],
        "size_categories": [size_category(manifest["counts"]["selected"])],
        "configs": [
            {
                "config_name": configuration.name,
                **({"default": True} if configuration == configurations[0] else {}),
                "data_files": [
                    {"split": split, "path": configuration.parquet(split)} for split in configuration.records
                ],
            }
            for configuration in configurations
        ],
        # What `datasets` and the Hub know before they read a file: columns, and how many records there must be.
        "dataset_info": [
            {
                "config_name": configuration.name,
                "features": [{"name": column.name, **_FEATURES[column.kind]} for column in configuration.columns],
                "splits": [
                    {"name": split, "num_bytes": configuration.sizes[split], "num_examples": count}
                    for split, count in configuration.records.items()
                ],
            }
            for configuration in configurations
        ],
    }
    text = io.StringIO()
    YAML().dump(described, text)
    return text.getvalue()


def _license(license_: str | None) -> dict[str, str]:
    """By the Hub's names: SPDX's in lower case; what stands at an address is `other`."""
    if license_ is None:
        return {"license": "unknown"}
    return {"license": "other", "license_link": license_} if "/" in license_ else {"license": license_.lower()}


def size_category(records: int) -> str:
    """The Hub's name for about so many records."""
    return next((name for limit, name in _SIZES if records < limit), "n>10M")
