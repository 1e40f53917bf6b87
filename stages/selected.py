"""The selected traces of a partition, as render, export and validate read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from stages.paths import RENDERED, SELECTION, TRACES
from stages.runtime.partitioned import RENDERED_SCHEMA, batch_of, partition_path, read_chunks, read_rows, rows_of
from traces.errors import TracesError
from traces.times import to_iso
from training.formats import SelectedTrace
from training.renderers.tunix_sft import Rendered, render_columns
from training.templates import Template

COLUMNS = ["id", "created_us", "trace_version", "final_answer", "meta", "prompt", "steps"]
_TEXTS = 2  # the last of them, which are most of the bytes


class Member(NamedTuple):
    """A selected trace and its split."""

    split: str
    trace: SelectedTrace


def selected_batches(name: str, columns: list[str]) -> Iterator[tuple[Any, Any]]:
    """The selected traces of a partition, in order: their splits, and their `columns`, of which the first is `id`.

    Raises:
        TracesError: a selected trace is not in data/traces/, or not in its place.
    """
    chunks = list(read_chunks(partition_path(SELECTION, name), ["id", "split"]))
    if not chunks:
        return
    ids, splits = (column.combine_chunks() for column in pa.Table.from_batches(chunks).columns)
    first = 0
    for batch in read_chunks(partition_path(TRACES, name), columns):
        held = batch.filter(pc.is_in(batch.column(0), value_set=ids))
        end = first + held.num_rows
        if not held.column(0).equals(ids[first:end]):
            break
        if held.num_rows:
            yield splits[first:end], held
        first = end
    if first < len(ids):
        raise TracesError(f"{SELECTION}/{name}: {ids[first]} is selected but not in {TRACES}; run `dvc repro`")


def rendered_batches(name: str, template: Template, system: str | None) -> Iterator[tuple[Any, Any, pa.RecordBatch]]:
    """The selected traces of a partition: splits, the traces (`COLUMNS`), and their texts, rendered now.

    Raises:
        TracesError: as `selected_batches`.
    """
    for splits, batch in selected_batches(name, COLUMNS):
        steps = batch.column("steps")
        offsets: Any = pc.subtract(steps.offsets, steps.offsets[0])
        contents = pa.ListArray.from_arrays(offsets, steps.flatten().field("content"))
        texts = render_columns(batch.column("prompt"), contents, batch.column("final_answer"), template, system)
        yield splits, batch, batch_of(RENDERED_SCHEMA, [batch.column("id"), *texts])


def render_members(name: str, template: Template, system: str | None) -> Iterator[Member]:
    """The selected traces of a partition, in order, rendered now.

    Raises:
        TracesError: as `selected_batches`.
    """
    for splits, batch, texts in rendered_batches(name, template, system):
        rows = zip(*rows_of(batch), *rows_of(texts)[1:], strict=True)
        for split, (trace_id, us, version, answer, meta, prompt, steps, *rendered) in zip(
            splits.to_pylist(), rows, strict=True
        ):
            yield Member(
                split,
                SelectedTrace(trace_id, to_iso(us), version, prompt, steps, answer, _object(meta), Rendered(*rendered)),
            )


def rendered_members(name: str, *, with_steps: bool = True) -> Iterator[Member]:
    """The selected traces of a partition, in order, with their text from data/rendered/.

    Without their steps `prompt` and `trace_steps` are empty: several times less to read.

    Raises:
        TracesError: data/rendered/ does not hold exactly the selected traces, or as `selected_batches`.
    """
    columns = COLUMNS if with_steps else COLUMNS[:-_TEXTS]
    texts = read_rows(partition_path(RENDERED, name), ["id", "prompt", "completion"])
    for splits, batch in selected_batches(name, columns):
        held = rows_of(batch)
        if not with_steps:
            held += [[""] * len(splits), [[]] * len(splits)]
        for split, trace_id, us, version, answer, meta, prompt, steps in zip(splits.to_pylist(), *held, strict=True):
            rendered_id, *rendered = next(texts, (None, "", ""))
            if rendered_id != trace_id:
                raise TracesError(
                    f"{RENDERED}/{name}: {rendered_id} stands where {trace_id} is selected; run `dvc repro`"
                )
            yield Member(
                split,
                SelectedTrace(trace_id, to_iso(us), version, prompt, steps, answer, _object(meta), Rendered(*rendered)),
            )


def _object(meta: str) -> str:
    return "" if meta == "null" else meta


def with_rejected(members: Iterator[Member], name: str, pairs: Path) -> Iterator[Member]:
    """The members, the better one of each pair with the completion of the worse.

    Raises:
        TracesError: `pairs` has a trace that is not among them, or not in their order.
    """
    path = partition_path(pairs, name)
    return _with_rejected(members, path) if path.exists() else members


def _with_rejected(members: Iterator[Member], path: Path) -> Iterator[Member]:
    completions = read_rows(path, ["id", "completion"])
    wanted, completion = next(completions, (None, ""))
    for split, trace in members:
        if trace.id == wanted:
            yield Member(split, msgspec.structs.replace(trace, rejected=completion))
            wanted, completion = next(completions, (None, ""))
        else:
            yield Member(split, trace)
    if wanted is not None:
        raise TracesError(f"{path}: {wanted} is in a pair but not selected; run `dvc repro`")
