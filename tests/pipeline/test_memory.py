"""Memory does not grow with the dataset: no stage holds it whole."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.pipeline.memory import peak_mb
from tests.support.samples import write_sqlite
from tests.support.shell import copy_repository, run

BEFORE_THE_LOCK = ("extract_traces", "select", "render", "export")
MakeRows = Callable[[int], Iterator[tuple[str, str, str, str]]]
START = datetime(2026, 1, 1, tzinfo=UTC)


def rows(count: int) -> Iterator[tuple[str, str, str, str]]:
    """Rows of about 1.1 KB, five seconds apart."""
    for number in range(count):
        steps = [{"i": i, "type": "think", "content": f"{number} {i} " + "reason " * 20} for i in range(6)]
        payload = {
            "trace_version": "1.0",
            "prompt": f"Question {number}?",
            "final_answer": str(number),
            "steps": steps,
            "meta": {"source": "ungar", "game": f"game {number % 3}", "seed": number // 100, "episode_index": number},
        }
        time = (START + timedelta(seconds=5 * number)).strftime("%Y-%m-%d %H:%M:%S.%f")
        yield uuid.uuid5(uuid.NAMESPACE_OID, str(number)).hex, time, "1.0", json.dumps(payload)


def large_rows(count: int) -> Iterator[tuple[str, str, str, str]]:
    """Rows of about 5 MB."""
    for number, (row_id, time, version, text) in enumerate(rows(count)):
        steps = [
            {"i": i, "type": "think", "content": (f"{number} {i} " + "reason " * 3000)[:20_000]} for i in range(250)
        ]
        yield row_id, time, version, json.dumps(json.loads(text) | {"steps": steps})


def peaks(folder: Path, count: int, partition_rows: int, make: MakeRows = rows) -> dict[str, float]:
    """The peak memory of each stage in MB, one worker, over a store of `count` rows."""
    repository = copy_repository(folder / f"project-{count}")
    params = repository / "params.yaml"
    params.write_text(params.read_text().replace("partition_rows: 20480", f"partition_rows: {partition_rows}"))
    url = write_sqlite(folder / f"{count}.db", make(count))
    settings = {"TRACES_DATABASE_URL": url, "TRACES_WORKERS": "1"}
    found = {"pin": peak_mb(repository, "traces", "pin", **settings)}
    for stage in BEFORE_THE_LOCK:
        found[stage] = peak_mb(repository, "python", "-m", f"stages.{stage}", **settings)
    run(repository, "dvc", "commit", "-f", *BEFORE_THE_LOCK, **settings)
    found["manifest"] = peak_mb(repository, "python", "-m", "stages.manifest", **settings)
    run(repository, "dvc", "commit", "-f", "manifest", **settings)
    found["card"] = peak_mb(repository, "python", "-m", "stages.card", **settings)
    run(repository, "dvc", "commit", "-f", "card", **settings)
    found["validate"] = peak_mb(repository, "python", "-m", "stages.validate", **settings)
    return found


@pytest.mark.soak
def test_four_times_the_traces_take_no_more_memory(tmp_path: Path) -> None:
    few, many = peaks(tmp_path, 4_000, 256), peaks(tmp_path, 16_000, 256)
    # 12,000 more traces are 13 MB as text, and several times that as objects.
    grown = {stage: round(many[stage] - few[stage]) for stage in few}
    print(grown)
    assert max(grown.values()) <= 15, grown


@pytest.mark.soak
def test_large_traces_are_never_held_together(tmp_path: Path) -> None:
    found = peaks(tmp_path, 120, 20_480, large_rows)
    print(found)
    assert max(found.values()) <= 600, found  # of 600 MB of text, which took gigabytes as a chunk of 4,096 rows


@pytest.mark.soak
def test_memory_at_200_000_traces_is_what_it_is_at_50_000(tmp_path: Path) -> None:
    few, many = peaks(tmp_path, 50_000, 4096), peaks(tmp_path, 200_000, 4096)
    print({stage: (round(few[stage]), round(many[stage])) for stage in few})
    for stage in few:
        assert many[stage] <= 1.15 * few[stage], (stage, few, many)
