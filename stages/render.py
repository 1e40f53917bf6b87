"""render: prompt and completion text of each selected trace, the boundary between them known.

Reads data/selection/, data/traces/ and data/quarantine/; writes data/rendered/, reports/stats.json and
the histograms reports/steps.csv and reports/characters.csv.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from stages.executor import open_workers
from stages.params import Params
from stages.partitioned import RENDERED_SCHEMA, partition_names, partition_path, write_partition
from stages.paths import CHARACTERS, COUNTS, REASONS, RENDERED, SELECTION, STATS, STEPS
from stages.progress import progress
from stages.run import run_stage
from stages.selected import Member, render_members
from stages.statistics import Statistics, named_counts
from traces.files import folder_aside, write_text
from training.templates import Template, load_template


def work(params: Params) -> None:
    names = partition_names(SELECTION)
    template = load_template(params.render.template)
    statistics = Statistics()
    with folder_aside(RENDERED) as rendered, open_workers(len(names)) as workers:
        render = partial(render_partition, rendered=rendered, template=template, system=params.render.system)
        for part in progress(workers.map(render, names), len(names), "render"):
            statistics.merge(part)
    write_text(STATS, json.dumps(pipeline_stats(statistics), indent=2, ensure_ascii=False) + "\n")
    write_text(STEPS, statistics.steps.csv("steps"))
    write_text(CHARACTERS, statistics.characters.csv("characters"))


def render_partition(name: str, rendered: Path, template: Template, system: str | None) -> Statistics:
    """Write one partition's texts and return its statistics."""
    statistics = Statistics()
    members = render_members(name, template, system)
    write_partition(partition_path(rendered, name), RENDERED_SCHEMA, _measured(members, statistics))
    return statistics


def _measured(members: Iterator[Member], statistics: Statistics) -> Iterator[tuple[str, str, str]]:
    for _, trace in members:
        statistics.add(trace)
        yield trace.id, trace.rendered.prompt, trace.rendered.completion


def pipeline_stats(statistics: Statistics) -> dict[str, Any]:
    """reports/stats.json: where every pinned row went, and what the selected traces are like."""
    counts = json.loads(COUNTS.read_text())
    reasons = Counter(json.loads(REASONS.read_text()))
    quarantined = reasons.total()
    selected = counts["selected"]
    return {
        "read": counts.pop("valid") + quarantined,
        "quarantined": quarantined,
        **counts,
        "duplicate_rate": round(counts["duplicates"] / selected, 4) if selected else 0.0,
        "steps": statistics.steps.summary(),
        "characters": statistics.characters.summary(),
        "sources": named_counts(statistics.sources),
        "games": named_counts(statistics.games),
        "quarantine_reasons": named_counts(reasons),
    }


if __name__ == "__main__":
    run_stage("render", work)
