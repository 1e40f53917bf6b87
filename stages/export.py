"""export: canonical JSON Lines, one folder a format, one shard a partition and split.

Reads data/rendered/, data/selection/ and data/traces/; writes data/export/FORMAT/SPLIT-PARTITION.jsonl and a Parquet
copy of each shard, data/export/parquet/FORMAT/SPLIT-PARTITION.parquet. For `tunix_dpo` it pairs traces, by
data/scores/ or by their metadata, and writes data/pairs/. data/columns.json counts what the columns of `tunix_grpo`
lack. A format that is not asked for has an empty folder. A shard
without records has no file.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, Any

from stages.exports.pairs import find_pairs
from stages.exports.parquet import write_parquet
from stages.params.models import Params
from stages.paths import (
    COLUMN_COUNTS,
    COUNTS,
    EXPORT,
    PAIRS,
    PARQUET,
    RENDERED,
    SELECTION,
    SPLITS,
    TRACES,
    parquet_path,
    shard_name,
)
from stages.runtime.executor import open_workers
from stages.runtime.memo import Memo, content_of, open_memo, remembering
from stages.runtime.partitioned import partition_names, partition_path
from stages.runtime.progress import progress
from stages.runtime.run import run_stage
from stages.selected import rendered_members, with_rejected
from traces.errors import TracesError
from traces.files import folder_aside, write_text
from training.formats import FORMATS, READ_STEPS, ColumnCounts, format_lines
from training.formats.columns import METADATA_KEYS
from training.templates import Template, load_template

BUFFER_BYTES = 1 << 18
_WHOLE = ("-1", "a whole number of 64 bits")
_COLUMNS = {
    "legal_actions": ("empty", "a list of texts and numbers"),
    "game": ("empty", "a text or a number"),
    "seat": _WHOLE,
    "seed": _WHOLE,
}  # what a column holds if a value was not understood, and what it takes


def work(params: Params) -> None:
    names = partition_names(SELECTION)
    with ExitStack() as stack:
        workers = stack.enter_context(open_workers(len(names)))
        folders = {name: stack.enter_context(folder_aside(EXPORT / name)) for name in FORMATS}
        parquet = stack.enter_context(folder_aside(PARQUET))
        pairs = stack.enter_context(folder_aside(PAIRS))
        if "tunix_dpo" in params.export.formats:
            tell(find_pairs(pairs, params, workers), params.export.preference.key)
        chosen: dict[str, Path] = {name: folders[name] for name in params.export.formats}
        with open_memo("export", exported_by(params)) as memo:
            export = partial(
                recall_partition,
                memo=memo,
                folders=chosen,
                template=load_template(params.render.template),
                columns=tuple(params.export.columns),
                parquet=parquet,
                pairs=pairs,
            )
            counts = ColumnCounts()
            for part in progress(workers.map(export, names), len(names), "export"):
                counts.merge(part)
        if "tunix_grpo" in params.export.formats:
            require_columns(params, counts)
            tell_columns(counts)
        write_text(COLUMN_COUNTS, dump_columns(params, counts))


def tell(counts: dict[str, Any], key: str | None) -> None:
    """Say where there is no pair: that may be so, but nobody should be left to find out."""
    if not counts["pairs"]:
        print(
            f"export: note: tunix_dpo is empty, no two traces make a pair: by {key or 'scores'} {counts['unranked']} "
            f"have no rank; {counts['repeats']} answer as another does, {counts['alone']} alone answer their prompt, "
            f"{counts['unpaired']} rank as the others do; docs/datasets.md says how export.preference ranks",
            file=sys.stderr,
        )


def require_columns(params: Params, counts: ColumnCounts) -> None:
    """Refuse a column that would be empty throughout: its name is a slip.

    Raises:
        TracesError: no selected trace has the metadata key.
    """
    selected = json.loads(COUNTS.read_bytes())["selected"]
    for key in params.export.columns:
        if counts.absent[key] == selected:
            raise TracesError(
                f"params.yaml: export.columns: none of {selected:,} selected traces has the metadata key {key}; "
                "take it out, or correct its name"
            )


def tell_columns(counts: ColumnCounts) -> None:
    """Say which columns are empty because a value in metadata was not understood."""
    for key, count in sorted(counts.not_understood.items()):
        empty, takes = _COLUMNS[key]
        print(
            f"export: note: tunix_grpo: {key} is {empty} in {count:,} records, since it was not understood there: the "
            f"column takes {takes}; docs/datasets.md says more",
            file=sys.stderr,
        )


def dump_columns(params: Params, counts: ColumnCounts) -> str:
    """The text of data/columns.json: what the columns of `tunix_grpo` lack, by metadata key."""
    keys = (*METADATA_KEYS, *params.export.columns)
    found = {key: {"absent": counts.absent[key], "not_understood": counts.not_understood[key]} for key in keys}
    held = {"tunix_grpo": found} if "tunix_grpo" in params.export.formats else {}
    return json.dumps(held, indent=2) + "\n"


def exported_by(params: Params) -> list[Any]:
    """The params that records follow from, beside those that made what is read."""
    return [params.export.formats, params.export.columns, params.render.template]


def exported_from(name: str, pairs: Path) -> list[str]:
    """What a partition's shards follow from, beside params: hashes."""
    return content_of(*(partition_path(folder, name) for folder in (TRACES, SELECTION, RENDERED, pairs)))


def shard_paths(name: str, folders: dict[str, Path], parquet: Path) -> list[Path]:
    """The paths that a partition's shards and their Parquet copies can have; not each of them exists."""
    shards = {(fmt, split): folder / shard_name(split, name) for fmt, folder in folders.items() for split in SPLITS}
    return [*shards.values(), *(parquet_path(parquet, fmt, shard) for (fmt, _), shard in shards.items())]


def recall_partition(
    name: str,
    memo: Memo | None,
    folders: dict[str, Path],
    template: Template,
    columns: tuple[str, ...],
    parquet: Path,
    pairs: Path,
) -> ColumnCounts:
    """Like `export_partition`, for a partition that is as it was, the shards that were written then."""
    return remembering(
        memo,
        lambda: exported_from(name, pairs),
        shard_paths(name, folders, parquet),
        ColumnCounts,
        lambda: export_partition(name, folders, template, columns, parquet, pairs),
    )


def export_partition(
    name: str, folders: dict[str, Path], template: Template, columns: tuple[str, ...], parquet: Path, pairs: Path
) -> ColumnCounts:
    """Write one partition's shards in all formats, its traces read once, and their Parquet copies into `parquet`."""
    counts = ColumnCounts()
    lines = format_lines(folders, columns, counts)
    files: dict[tuple[str, str], IO[bytes]] = {}
    members = rendered_members(name, with_steps=not READ_STEPS.isdisjoint(folders))
    with ExitStack() as stack:
        for split, trace in with_rejected(members, name, pairs):
            for format_name, line in lines.items():
                text = line(trace, template)
                if not text:
                    continue
                file = files.get((format_name, split))
                if file is None:
                    file = stack.enter_context(
                        (folders[format_name] / shard_name(split, name)).open("wb", BUFFER_BYTES)
                    )
                    files[format_name, split] = file
                file.write(text)
    for format_name, split in files:
        shard = folders[format_name] / shard_name(split, name)
        write_parquet(shard, format_name, parquet_path(parquet, format_name, shard), columns)
    return counts


if __name__ == "__main__":
    run_stage("export", work)
