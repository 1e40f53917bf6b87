"""export: canonical JSON Lines, one folder a format, one shard a partition and split.

Reads data/rendered/, data/selection/ and data/traces/; writes data/export/FORMAT/SPLIT-PARTITION.jsonl and a Parquet
copy of each shard, data/export/parquet/FORMAT/SPLIT-PARTITION.parquet. For `tunix_dpo` it pairs traces, by
data/scores/ or by their metadata, and writes data/pairs/. A format that is not asked for has an empty folder. A shard
without records has no file.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, Any

from stages.exports.pairs import find_pairs
from stages.exports.parquet import write_parquet
from stages.params.models import Params
from stages.paths import EXPORT, PAIRS, PARQUET, RENDERED, SELECTION, SPLITS, TRACES, parquet_path, shard_name
from stages.runtime.executor import open_workers
from stages.runtime.memo import Memo, content_of, open_memo, remembering
from stages.runtime.partitioned import partition_names, partition_path
from stages.runtime.progress import progress
from stages.runtime.run import run_stage
from stages.selected import rendered_members, with_rejected
from traces.files import folder_aside
from training.formats import FORMATS, READ_STEPS
from training.templates import Template, load_template

BUFFER_BYTES = 1 << 18


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
                parquet=parquet,
                pairs=pairs,
            )
            for _ in progress(workers.map(export, names), len(names), "export"):
                pass


def tell(counts: dict[str, Any], key: str | None) -> None:
    """Say where there is no pair: that may be so, but nobody should be left to find out."""
    if not counts["pairs"]:
        print(
            f"export: note: tunix_dpo is empty, no two traces make a pair: by {key or 'scores'} {counts['unranked']} "
            f"have no rank; {counts['repeats']} answer as another does, {counts['alone']} alone answer their prompt, "
            f"{counts['unpaired']} rank as the others do; docs/datasets.md says how export.preference ranks",
            file=sys.stderr,
        )


def exported_by(params: Params) -> list[Any]:
    """The params that records follow from, beside those that made what is read."""
    return [params.export.formats, params.render.template]


def exported_from(name: str, pairs: Path) -> list[str]:
    """What a partition's shards follow from, beside params: hashes."""
    return content_of(*(partition_path(folder, name) for folder in (TRACES, SELECTION, RENDERED, pairs)))


def shard_paths(name: str, folders: dict[str, Path], parquet: Path) -> list[Path]:
    """The paths that a partition's shards and their Parquet copies can have; not each of them exists."""
    shards = {(fmt, split): folder / shard_name(split, name) for fmt, folder in folders.items() for split in SPLITS}
    return [*shards.values(), *(parquet_path(parquet, fmt, shard) for (fmt, _), shard in shards.items())]


def recall_partition(
    name: str, memo: Memo | None, folders: dict[str, Path], template: Template, parquet: Path, pairs: Path
) -> None:
    """Like `export_partition`, for a partition that is as it was, the shards that were written then."""
    remembering(
        memo,
        lambda: exported_from(name, pairs),
        shard_paths(name, folders, parquet),
        None,
        lambda: export_partition(name, folders, template, parquet, pairs),
    )


def export_partition(name: str, folders: dict[str, Path], template: Template, parquet: Path, pairs: Path) -> None:
    """Write one partition's shards in all formats, its traces read once, and their Parquet copies into `parquet`."""
    lines = [(format_name, folder, FORMATS[format_name]) for format_name, folder in folders.items()]
    files: dict[tuple[str, str], IO[bytes]] = {}
    members = rendered_members(name, with_steps=not READ_STEPS.isdisjoint(folders))
    with ExitStack() as stack:
        for split, trace in with_rejected(members, name, pairs):
            for format_name, folder, line in lines:
                text = line(trace, template)
                if not text:
                    continue
                file = files.get((format_name, split))
                if file is None:
                    file = stack.enter_context((folder / shard_name(split, name)).open("wb", BUFFER_BYTES))
                    files[format_name, split] = file
                file.write(text)
    for format_name, split in files:
        shard = folders[format_name] / shard_name(split, name)
        write_parquet(shard, format_name, parquet_path(parquet, format_name, shard))


if __name__ == "__main__":
    run_stage("export", work)
