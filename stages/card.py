"""card: what the dataset is, for people and for loaders: a Hugging Face dataset card, and Croissant metadata.

Reads data/manifest.json, the exports and their schemas; writes data/export/README.md and data/export/croissant.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from stages.cards.configurations import Configuration, configurations
from stages.cards.croissant import croissant
from stages.cards.dataset_card import dataset_card
from stages.cards.markdown import visible
from stages.params.models import Params
from stages.paths import CARD, CROISSANT, MANIFEST, shards
from stages.runtime.run import run_stage
from traces.errors import TracesError
from traces.files import write_text

_LONGEST = 4000


def work(params: Params) -> None:
    try:
        manifest = json.loads(MANIFEST.read_bytes())
    except (OSError, ValueError) as error:
        raise TracesError(f"{MANIFEST}: {error}; `dvc repro` makes it") from None
    for path, text in card_files(params, manifest).items():
        write_text(path, text)


def card_files(params: Params, manifest: dict[str, Any]) -> dict[Path, str]:
    """The text of each of the card's files, by its path: all that it follows from is the same on any machine.

    Raises:
        TracesError: a format's schema is missing.
    """
    found = configurations(manifest)
    example = example_record(found) if params.card.example else None
    return {
        CARD: dataset_card(params.card, manifest, found, example),
        CROISSANT: croissant(params.card, manifest, found),
    }


def example_record(found: list[Configuration]) -> str | None:
    """The first record, as JSON by lines, cut where it is long; None where there is nothing but pairs.

    A pair's record names its better trace alone: who takes the other down would not find it here.
    """
    names = [configuration.name for configuration in found if configuration.name != "tunix_dpo"]
    if not names:
        return None
    _, shard = shards(names[0])[0]
    with shard.open("rb") as file:
        text = visible(msgspec.json.format(file.readline(), indent=2).decode())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n… of {len(text):,} characters"


if __name__ == "__main__":
    run_stage("card", work)
