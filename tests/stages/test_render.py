"""render: texts of the selected traces with their boundary, and where every pinned row went."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stages import render
from stages.params.reading import load_params
from stages.paths import CHARACTERS, RENDERED, SELECTION, STATS, STEPS
from stages.runtime.partitioned import partition_names, partition_path, read_rows
from tests.stages.lockfile import extract_and_select, set_params
from tests.support.samples import row, trace_id
from traces.errors import TracesError


@pytest.fixture
def five(workspace: Path) -> None:
    set_params(split={"validation": 0, "test": 0}, filters={"game": "sums"})
    extract_and_select([*(row(n) for n in range(5)), row(5, meta={"source": "ungar", "game": "chess"})])


def rendered() -> list[tuple[str, str, str]]:
    (name,) = partition_names(RENDERED)
    return [tuple(found) for found in read_rows(partition_path(RENDERED, name), ["id", "prompt", "completion"])]


def test_prompt_and_completion_meet_at_the_model_s_turn(five: None) -> None:
    render.work(load_params())
    assert rendered()[1] == (
        trace_id(1),
        "<start_of_turn>user\nWhat is 1 + 1?<end_of_turn>\n<start_of_turn>model\n",
        "Reasoning:\n1. 1 and one more\nAnswer: 2<end_of_turn>",
    )


def test_every_pinned_row_is_accounted_for(five: None) -> None:
    render.work(load_params())
    stats = json.loads(STATS.read_text())
    assert (stats["read"], stats["filtered"], stats["selected"], stats["quarantined"]) == (6, 1, 5, 0)
    assert stats["games"] == {"sums": 5}
    assert stats["steps"] == {"min": 1, "mean": 1.0, "max": 1}
    assert STEPS.read_text() == "steps,traces\n1,5\n"
    assert CHARACTERS.read_text().startswith("characters,traces\n")


def test_a_system_text_is_in_every_prompt(five: None) -> None:
    set_params(render={"system": "Think."})
    render.work(load_params())
    assert all(prompt.startswith("<start_of_turn>user\nThink.\n\nWhat") for _, prompt, _ in rendered())


def test_a_selected_trace_that_is_not_there_stops_it_and_leaves_what_was(five: None) -> None:
    render.work(load_params())
    before = rendered()
    (name,) = partition_names(SELECTION)
    partition_path(Path("data/traces"), name).unlink()
    with pytest.raises(TracesError, match=f"{trace_id(0)} is selected but not in data/traces; run `dvc repro`"):
        render.work(load_params())
    assert rendered() == before
    assert not list(Path("data").glob(".*"))
