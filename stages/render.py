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

import pyarrow as pa

from stages.params.models import Params
from stages.paths import CHARACTERS, COUNTS, REASONS, RENDERED, SELECTION, STATS, STEPS, TRACES
from stages.runtime.executor import open_workers
from stages.runtime.memo import Memo, content_of, open_memo, remembering
from stages.runtime.partitioned import RENDERED_SCHEMA, partition_names, partition_path, write_batches
from stages.runtime.progress import progress
from stages.runtime.run import run_stage
from stages.selected import rendered_batches
from stages.statistics import Statistics, dump_stats, pipeline_stats
from traces.files import folder_aside, write_text
from training.templates import Template, load_template


def work(params: Params) -> None:
    names = partition_names(SELECTION)
    template = load_template(params.render.template)
    statistics = Statistics()
    with (
        folder_aside(RENDERED) as rendered,
        open_workers(len(names)) as workers,
        open_memo("render", params.render) as memo,
    ):
        render = partial(recall_partition, memo=memo, rendered=rendered, template=template, system=params.render.system)
        for part in progress(workers.map(render, names), len(names), "render"):
            statistics.merge(part)
    counts, reasons = json.loads(COUNTS.read_bytes()), Counter(json.loads(REASONS.read_bytes()))
    write_text(STATS, dump_stats(pipeline_stats(statistics, counts, reasons)))
    write_text(STEPS, statistics.steps.csv("steps"))
    write_text(CHARACTERS, statistics.characters.csv("characters"))


def rendered_from(name: str) -> list[str]:
    """What a partition's texts follow from, beside params: hashes."""
    return content_of(partition_path(TRACES, name), partition_path(SELECTION, name))


def recall_partition(
    name: str, memo: Memo | None, rendered: Path, template: Template, system: str | None
) -> Statistics:
    """Like `render_partition`, for a partition that is as it was, what was rendered then."""
    return remembering(
        memo,
        lambda: rendered_from(name),
        [partition_path(rendered, name)],
        Statistics,
        lambda: render_partition(name, rendered, template, system),
    )


def render_partition(name: str, rendered: Path, template: Template, system: str | None) -> Statistics:
    """Write one partition's texts and return its statistics."""
    statistics = Statistics()
    write_batches(partition_path(rendered, name), RENDERED_SCHEMA, _measured(name, template, system, statistics))
    return statistics


def _measured(name: str, template: Template, system: str | None, statistics: Statistics) -> Iterator[pa.RecordBatch]:
    for _, traces, texts in rendered_batches(name, template, system):
        statistics.merge(Statistics.of(traces, texts))
        yield texts


if __name__ == "__main__":
    run_stage("render", work)
