"""The gate's memo: a partition that passed is not checked again while all that it was checked against is as it was.

Where `render` and `export` remember that this code made these very bytes of these very inputs, they are not made again
either, and only held to schema and template. Without a memo, as in CI, everything is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from stages.export import exported_by, shard_paths
from stages.gate.shard_checks import PartitionChecks, check_lines, check_partition
from stages.params.models import Params
from stages.paths import EXPORT, PARQUET, RENDERED, SELECTION, TRACES
from stages.runtime.memo import Memo, open_memo, remembering
from stages.runtime.partitioned import partition_path
from stages.schemas import SCHEMAS
from stages.statistics import Statistics
from traces.files import hash_file
from training.formats import ColumnCounts


class GateMemos(NamedTuple):
    """The gate's own memo, and those of the stages whose work it repeats."""

    checks: Memo | None
    render: Memo | None
    export: Memo | None


@contextmanager
def open_gate(params: Params) -> Iterator[GateMemos]:
    """The memos that the gate goes by."""
    schemas = {name: hash_file(SCHEMAS / f"export/{name}.schema.json") for name in params.export.formats}
    with (
        open_memo("render", params.render) as render,
        open_memo("export", exported_by(params)) as export,
        open_memo("validate", [params.render, exported_by(params), schemas]) as checks,
    ):
        yield GateMemos(checks, render, export)


def recall_checks(
    item: tuple[str, Mapping[str, str]], params: Params, pairs: Path, memos: GateMemos
) -> PartitionChecks:
    """What checking a partition against `pairs` finds.

    `item` is its name, and the md5 of files as far as they are known, by path.
    """
    name, known = item
    shards = shard_paths(name, {fmt: EXPORT / fmt for fmt in params.export.formats}, PARQUET)

    def md5(path: Path) -> str:
        return known.get(path.as_posix()) or (hash_file(path) if path.exists() else "")

    made_from = [md5(partition_path(folder, name)) for folder in (TRACES, SELECTION)]
    rendered, again = md5(partition_path(RENDERED, name)), md5(partition_path(pairs, name))
    exported = [md5(path) for path in shards]

    def check() -> PartitionChecks:
        if memos.render is not None and memos.export is not None:
            texts = memos.render.look_up(memos.render.key(made_from), Statistics)
            records = memos.export.look_up(memos.export.key([*made_from, rendered, again]), ColumnCounts)
            if texts and records and texts.files == [rendered] and [f or "" for f in records.files] == exported:
                return check_lines(name, params, texts.result, records.result)
        return check_partition(name, params, pairs)

    return remembering(
        memos.checks,
        lambda: [*made_from, rendered, again, *exported],
        [],
        PartitionChecks,
        check,
        lambda checks: not checks.faults.total,
    )
