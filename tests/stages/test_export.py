"""export: a folder a format, a file a split and partition, the same bytes from any number of workers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stages import export, render
from stages.params.reading import load_params
from stages.paths import SELECTION, SPLITS, shard_name, shards
from stages.runtime.partitioned import partition_names
from tests.stages.lockfile import extract_and_select, set_params
from tests.support.samples import row, trace_id
from traces.errors import TracesError


@pytest.fixture
def hundred(workspace: Path) -> None:
    set_params(extract={"partition_rows": 16})
    extract_and_select(row(n) for n in range(100))
    render.work(load_params())
    export.work(load_params())


def contents() -> dict[str, bytes]:
    return {path.as_posix(): path.read_bytes() for path in Path("data/export").rglob("*.jsonl")}


def test_every_selected_trace_is_in_one_shard_of_its_partition_and_split(hundred: None) -> None:
    names = partition_names(SELECTION)
    right = {shard_name(split, name) for split in SPLITS for name in names}
    found = [json.loads(line)["id"] for _, path in shards("trace") for line in path.read_bytes().splitlines()]
    assert sorted(found) == sorted(trace_id(n) for n in range(100))
    assert {path.name for path in Path("data/export/trace").iterdir()} <= right
    assert all(data.endswith(b"\n") for data in contents().values())


def test_both_formats_hold_the_same_traces_in_the_same_order(hundred: None) -> None:
    for (_, one), (_, other) in zip(shards("trace"), shards("tunix_sft"), strict=True):
        assert one.name == other.name
        ids = [[json.loads(line)["id"] for line in path.read_bytes().splitlines()] for path in (one, other)]
        assert ids[0] == ids[1]


def test_workers_change_no_byte(hundred: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents()
    for workers in ("2", "4"):
        monkeypatch.setenv("TRACES_WORKERS", workers)
        render.work(load_params())
        export.work(load_params())
        assert contents() == before


def test_a_format_not_asked_for_is_an_empty_folder(hundred: None) -> None:
    before = contents()
    set_params(export={"formats": ["tunix_sft"]})
    export.work(load_params())
    assert list(Path("data/export/trace").iterdir()) == []
    assert contents() == {path: data for path, data in before.items() if "/tunix_sft/" in path}


def test_texts_of_another_selection_are_refused(hundred: None) -> None:
    (name, *_) = partition_names(SELECTION)
    Path(f"data/rendered/{name}.parquet").unlink()
    before = contents()
    with pytest.raises(TracesError, match=rf"data/rendered/{name}: None stands where {trace_id(0)} is selected"):
        export.work(load_params())
    assert contents() == before
