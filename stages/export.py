"""export: canonical JSON Lines, one folder a format, one shard a partition and split.

Reads data/rendered/, data/selection/ and data/traces/; writes data/export/FORMAT/SPLIT-PARTITION.jsonl and, where
that is asked for, each shard's Parquet twin in data/export/parquet/. A format that is not asked for has an empty
folder, an empty shard no file.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO

from stages.executor import open_workers
from stages.params import Params
from stages.partitioned import partition_names
from stages.paths import EXPORT, SELECTION, TWINS, shard_name
from stages.progress import progress
from stages.run import run_stage
from stages.selected import rendered_members
from stages.twins import write_twin
from traces.files import folder_aside
from training.formats import FORMATS
from training.templates import Template, load_template


def work(params: Params) -> None:
    names = partition_names(SELECTION)
    with ExitStack() as stack:
        folders = {name: stack.enter_context(folder_aside(EXPORT / name)) for name in FORMATS}
        twins = stack.enter_context(folder_aside(TWINS))
        chosen: dict[str, Path] = {name: folder for name, folder in folders.items() if name in params.export.formats}
        with open_workers(len(names)) as workers:
            export = partial(
                export_partition,
                folders=chosen,
                template=load_template(params.render.template),
                twins=twins if params.export.parquet else None,
            )
            for _ in progress(workers.map(export, names), len(names), "export"):
                pass


def export_partition(name: str, folders: dict[str, Path], template: Template, twins: Path | None) -> None:
    """Write one partition's shards in all formats, its traces read once, and their twins into `twins`."""
    lines = [(format_name, folder, FORMATS[format_name]) for format_name, folder in folders.items()]
    files: dict[tuple[str, str], IO[bytes]] = {}
    with ExitStack() as stack:
        for split, trace in rendered_members(name):
            for format_name, folder, line in lines:
                file = files.get((format_name, split))
                if file is None:
                    file = stack.enter_context((folder / shard_name(split, name)).open("wb"))
                    files[format_name, split] = file
                file.write(line(trace, template))
    if twins is not None:
        for format_name, split in files:
            shard = folders[format_name] / shard_name(split, name)
            write_twin(shard, format_name, twins / format_name / f"{shard.stem}.parquet")


if __name__ == "__main__":
    run_stage("export", work)
