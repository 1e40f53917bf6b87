"""The selected traces of a partition, as render, export and validate read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from stages.partitioned import partition_path, read_rows
from stages.paths import RENDERED, SELECTION, TRACES
from traces.errors import TracesError
from traces.times import to_iso
from training.formats import SelectedTrace
from training.renderers.tunix_sft import Rendered, render_turns
from training.templates import Template

_COLUMNS = ["id", "created_us", "trace_version", "prompt", "steps", "final_answer", "meta"]
_UNRENDERED = Rendered("", "")


class Member(NamedTuple):
    """A selected trace and its split."""

    split: str
    trace: SelectedTrace


def selected_members(name: str) -> Iterator[Member]:
    """The selected traces of a partition, in order, not rendered yet.

    Raises:
        TracesError: a selected trace is not in data/traces/.
    """
    selection = read_rows(partition_path(SELECTION, name), ["id", "split"])
    wanted = next(selection, None)
    for trace_id, us, version, prompt, steps, answer, meta in read_rows(partition_path(TRACES, name), _COLUMNS):
        if wanted is None:
            return
        if trace_id == wanted[0]:
            trace = SelectedTrace(
                trace_id, to_iso(us), version, prompt, steps, answer, "" if meta == "null" else meta, _UNRENDERED
            )
            yield Member(wanted[1], trace)
            wanted = next(selection, None)
    if wanted is not None:
        raise TracesError(f"{SELECTION}/{name}: {wanted[0]} is selected but not in {TRACES}; run `dvc repro`")


def render_members(name: str, template: Template, system: str | None) -> Iterator[Member]:
    """The selected traces of a partition, in order, rendered now.

    Raises:
        TracesError: as `selected_members`.
    """
    for split, trace in selected_members(name):
        rendered = render_turns(
            {"prompt": trace.prompt, "trace_steps": trace.trace_steps, "final_answer": trace.final_answer},
            template,
            system,
        )
        yield Member(split, trace._replace(rendered=rendered))


def rendered_members(name: str) -> Iterator[Member]:
    """The selected traces of a partition, in order, with their text from data/rendered/.

    Raises:
        TracesError: data/rendered/ does not hold exactly the selected traces.
    """
    texts = read_rows(partition_path(RENDERED, name), ["id", "prompt", "completion"])
    for split, trace in selected_members(name):
        trace_id, prompt, completion = next(texts, (None, "", ""))
        if trace_id != trace.id:
            raise TracesError(f"{RENDERED}/{name}: {trace_id} stands where {trace.id} is selected; run `dvc repro`")
        yield Member(split, trace._replace(rendered=Rendered(prompt, completion)))


def with_rejected(members: Iterator[Member], name: str, pairs: Path) -> Iterator[Member]:
    """The members, the better one of each pair with the completion of the worse.

    Raises:
        TracesError: `pairs` has a trace that is not among them, or not in their order.
    """
    completions = read_rows(partition_path(pairs, name), ["id", "completion"])
    wanted, completion = next(completions, (None, ""))
    for split, trace in members:
        if trace.id == wanted:
            yield Member(split, trace._replace(rejected=completion))
            wanted, completion = next(completions, (None, ""))
        else:
            yield Member(split, trace)
    if wanted is not None:
        raise TracesError(f"{pairs}/{name}: {wanted} is in a pair but not selected; run `dvc repro`")
