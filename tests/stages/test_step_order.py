"""Steps are in the order of `i`, wherever they stand in the payload: in formats, hashes, duplicates and takedowns."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from commands.content_hashes import read_contents
from stages import select, validate
from stages.params.reading import load_params
from stages.paths import STATS, TRACES
from stages.runtime.partitioned import partition_names, partition_path
from tests.stages.lockfile import build, extract_and_select, set_params
from tests.stages.selections import ALL_TRAIN, counts, numbers
from tests.support.samples import payload, row
from traces.model import content_hash, decode_trace

ORDERED = [{"i": n, "type": "think", "content": text} for n, text in enumerate(["First.", "Then.", "So."])]
SAYS = content_hash("?", ["First.", "Then.", "So."], "!")


def shuffled(number: int, order: tuple[int, ...], **changes: Any) -> dict[str, Any]:
    steps = [ORDERED[place] for place in order]
    return row(number, prompt="?", final_answer="!", steps=steps, **changes)


@pytest.fixture
def orders(workspace: Path) -> None:
    """Traces that say the same, their steps stored in every order; only the first is in the order of `i`."""
    set_params(split=ALL_TRAIN, export={"formats": ["trace", "tunix_sft", "tunix_grpo", "messages"]})
    build(shuffled(n, order) for n, order in enumerate(itertools.permutations(range(3))))


def test_every_format_has_the_steps_in_order(orders: None) -> None:
    for path in Path("data/export").glob("*/*.jsonl"):
        for line in path.read_text().splitlines():
            if "First" in line:
                assert line.index("First.") < line.index("Then.") < line.index("So."), path
    validate.work(load_params())
    assert json.loads(STATS.read_text())["reordered"] == 5
    assert json.loads(Path("data/manifest.json").read_text())["counts"]["reordered"] == 5


def test_the_same_steps_are_duplicates_in_any_order(orders: None) -> None:
    assert counts()["duplicates"] == 5
    set_params(selection={"dedup": "exact"})
    select.work(load_params())
    assert numbers() == [0]


@pytest.mark.parametrize(
    "places",
    [[5, 3, 9], [0, 2, 1], [1000, 10, 100], [2**53 - 1, 0, 1], [10, 9, 8]],
)
def test_i_orders_by_number_and_may_begin_and_skip_as_it_likes(places: list[int]) -> None:
    steps = [{"i": i, "type": "t", "content": str(i)} for i in places]
    trace = decode_trace(json.dumps(payload(steps=steps)))
    assert [step.content for step in trace.in_order().steps] == [str(i) for i in sorted(places)]
    assert trace.in_order().in_order() == trace.in_order()


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 0, 2)])
def test_a_takedown_by_hash_covers_the_content_in_order_and_as_stored(workspace: Path, order: tuple[int, ...]) -> None:
    set_params(split=ALL_TRAIN)
    stored = content_hash("?", [str(ORDERED[place]["content"]) for place in order], "!")
    for digest in (SAYS, stored):
        Path("data/exclusions.csv").write_text(f"trace,reason,date\nsha256:{digest},asked,2026-01-31\n")
        extract_and_select([shuffled(0, order), row(1)])
        assert numbers() == [1]


def test_partitions_made_before_steps_were_sorted_are_found_by_either_hash(orders: None, tmp_path: Path) -> None:
    (name,) = partition_names(TRACES)
    table = pq.read_table(partition_path(TRACES, name))
    reverse = [ORDERED[place] for place in (2, 1, 0)]
    stored = content_hash("?", ["So.", "Then.", "First."], "!")
    rows = [{**held, "steps": reverse, "content_sha256": stored} for held in table.to_pylist()]
    old = table.schema.remove(table.schema.get_field_index("stored_sha256"))
    pq.write_table(type(table).from_pylist(rows, old), tmp_path / "old.parquet")
    assert [hashes for _, hashes in read_contents(tmp_path / "old.parquet")] == [{SAYS, stored}] * 6
    assert next(hashes for _, hashes in read_contents(partition_path(TRACES, name))) == {SAYS}
