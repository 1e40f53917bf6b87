"""A `tunix_grpo` export as Tunix's GRPO reads it, from a script or from Tunix's own command line.

`data_module: "training.grpo_data"` names it there, or with arguments
`"training.grpo_data:create_dataset('data/export/tunix_grpo', split='train')"`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grain
import msgspec

from training.formats.tunix_grpo import TunixGrpoRecord
from training.records import JsonLines, open_export

EXPORT = "data/export/tunix_grpo"


def load_prompts(source: str | Path = EXPORT, split: str | None = None) -> Sequence[TunixGrpoRecord]:
    """The records of a `tunix_grpo` export (a folder, a file or a pattern), read where they lie.

    Raises:
        TracesError: there are none.
    """
    return open_export(source, split, TunixGrpoRecord, "tunix_grpo")


class _Rows(JsonLines[Any]):
    """The records as flat rows, with the columns that `export.columns` names."""

    def _decode(self, line: bytes, number: int) -> dict[str, Any]:
        super()._decode(line, number)  # says where a line is no record
        row: dict[str, Any] = msgspec.json.decode(line)
        return row


def create_dataset(source: str | Path = EXPORT, split: str | None = "train", seed: int | None = None) -> Any:
    """The export as a `grain.MapDataset` of flat rows, in its order, or shuffled by `seed`.

    Raises:
        TracesError: there are no records.
    """
    rows = grain.MapDataset.source(open_export(source, split, TunixGrpoRecord, "tunix_grpo", _Rows))
    return rows if seed is None else rows.seed(seed).shuffle()
