"""The selected traces of a partition, as render, export and validate read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from stages.partitioned import partition_path, read_chunks, read_rows, rows_of
from stages.paths import RENDERED, SELECTION, TRACES
from traces.errors import TracesError
from traces.times import to_iso
from training.formats import SelectedTrace
from training.renderers.tunix_sft import Rendered, make_renderer
from training.templates import Template

_COLUMNS = ["id", "created_us", "trace_version", "final_answer", "meta", "prompt", "steps"]
_TEXTS = 2  # the last of them, which are most of the bytes


class Member(NamedTuple):
    """A selected trace and its split."""

    split: str
    trace: SelectedTrace


def selected_rows(name: str, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """`split`, then `columns` (the first of them `id`) of the selected traces of a partition, in order.

    Raises:
        TracesError: a selected trace is not in data/traces/, or not in its place.
    """
    path = partition_path(SELECTION, name)
    selection = pa.Table.from_batches(read_chunks(path, ["id", "split"])) if path.exists() else None
    if selection is None:
        return
    ids, splits = (selection.column(name).combine_chunks() for name in ("id", "split"))
    first = 0
    for batch in read_chunks(partition_path(TRACES, name), columns):
        held = batch.filter(pc.is_in(batch.column(0), value_set=ids))
        end = first + held.num_rows
        if not held.column(0).equals(ids[first:end]):
            break
        yield from zip(splits[first:end].to_pylist(), *rows_of(held), strict=True)
        first = end
    if first < len(ids):
        raise TracesError(f"{SELECTION}/{name}: {ids[first]} is selected but not in {TRACES}; run `dvc repro`")


def render_members(name: str, template: Template, system: str | None) -> Iterator[Member]:
    """The selected traces of a partition, in order, rendered now.

    Raises:
        TracesError: as `selected_rows`.
    """
    render = make_renderer(template, system)
    for split, trace_id, us, version, answer, meta, prompt, steps in selected_rows(name, _COLUMNS):
        rendered = render(prompt, steps, answer)
        yield Member(
            split, SelectedTrace(trace_id, to_iso(us), version, prompt, steps, answer, _object(meta), rendered)
        )


def rendered_members(name: str, *, with_steps: bool = True) -> Iterator[Member]:
    """The selected traces of a partition, in order, with their text from data/rendered/.

    Without their steps `prompt` and `trace_steps` are empty: several times less to read.

    Raises:
        TracesError: data/rendered/ does not hold exactly the selected traces, or as `selected_rows`.
    """
    columns = _COLUMNS if with_steps else _COLUMNS[:-_TEXTS]
    texts = read_rows(partition_path(RENDERED, name), ["id", "prompt", "completion"])
    for split, trace_id, us, version, answer, meta, *more in selected_rows(name, columns):
        rendered_id, *rendered = next(texts, (None, "", ""))
        if rendered_id != trace_id:
            raise TracesError(f"{RENDERED}/{name}: {rendered_id} stands where {trace_id} is selected; run `dvc repro`")
        prompt, steps = more or ("", [])
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
    completions = read_rows(partition_path(pairs, name), ["id", "completion"])
    wanted, completion = next(completions, (None, ""))
    for split, trace in members:
        if trace.id == wanted:
            yield Member(split, msgspec.structs.replace(trace, rejected=completion))
            wanted, completion = next(completions, (None, ""))
        else:
            yield Member(split, trace)
    if wanted is not None:
        raise TracesError(f"{pairs}/{name}: {wanted} is in a pair but not selected; run `dvc repro`")
