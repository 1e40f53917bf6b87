"""extract_traces: exactly the pinned rows, valid ones canonical, the rest quarantined with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stages import extract_traces
from stages.params.reading import load_params
from stages.paths import QUARANTINE, REASONS, TRACES
from stages.runtime.partitioned import partition_names, partition_path, read_rows
from tests.stages.lockfile import pin_rows, set_params
from tests.stages.stores import pin_store
from tests.support.samples import payload, row, stored, trace_id, write_jsonl
from traces.errors import TracesError
from traces.pin import load_pin


def extracted(*columns: str) -> list[tuple[Any, ...]]:
    return [found for name in partition_names(TRACES) for found in read_rows(partition_path(TRACES, name), [*columns])]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_rows_come_out_in_order_with_canonical_metadata(workspace: Path) -> None:
    pin_rows([row(2), row(1, meta={"b": 1.50, "a": "é"}), row(3, meta=None)])
    extract_traces.work(load_params())
    assert extracted("id", "created_us", "prompt", "steps", "final_answer", "meta")[:1] == [
        (trace_id(1), 1767225660000000, "What is 1 + 1?", ["1 and one more"], "2", '{"a":"é","b":1.5}')
    ]
    assert extracted("id", "meta")[2] == (trace_id(3), "null")
    assert json.loads(REASONS.read_text()) == {}


def test_the_same_bytes_from_any_number_of_workers(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_params(extract={"partition_rows": 16})
    pin_rows(row(n) for n in range(200))
    found = []
    for workers in ("1", "2", "4"):
        monkeypatch.setenv("TRACES_WORKERS", workers)
        extract_traces.work(load_params())
        found.append(contents(TRACES))
    assert len(found[0]) > 5
    assert found[0] == found[1] == found[2]


def test_partitions_are_those_of_the_pin(workspace: Path) -> None:
    set_params(extract={"partition_rows": 16})
    pin_rows(row(n) for n in range(100))
    extract_traces.work(load_params())
    assert partition_names(TRACES) == [partition.name for partition in load_pin().partitions]


BAD = [
    (("not a uuid", "2026-01-01 00:00:01", "1.0", json.dumps(row(1)["payload"])), "the row's id is not a UUID"),
    ((trace_id(91), "soon", "1.0", json.dumps(row(1)["payload"])), "the row's created_at is missing, unreadable or"),
    ((trace_id(92), "2026-01-01 00:00:01", "1.0", None), "the row has no payload"),
    ((trace_id(93), "2026-01-01 00:00:01", "2.0", json.dumps(row(1)["payload"])), "the row's trace_version is not its"),
    ((trace_id(94), "2026-01-01 00:00:01", "1.0", b"\xff"), "the payload is not UTF-8 text"),
    ((trace_id(95), "2026-01-01 00:00:01", "1.0", "{}"), "$: object missing required field"),
    ((trace_id(96), "2026-01-01 00:00:01", "1.0", '"{}"'), "$: expected object, got str"),
    ((trace_id(97), "2026-01-01 00:00:01", "1.0", json.dumps(payload(prompt="\u200b \n"))), "prompt shows nothing: it"),
    ((trace_id(98), "2026-01-01 00:00:01", "1.0", json.dumps(payload(final_answer=" "))), "final_answer shows nothing"),
]


def test_what_is_no_trace_is_set_aside_with_its_reason_and_counted(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin_store(workspace, monkeypatch, [stored(1), *(bad for bad, _ in BAD), stored(2)])
    set_params(extract={"max_quarantined": len(BAD)})
    extract_traces.work(load_params())
    assert [found for (found,) in extracted("id")] == [trace_id(1), trace_id(2)]
    held = [json.loads(line) for path in QUARANTINE.glob("*.jsonl") for line in path.read_text().splitlines()]
    reasons = {line["id"]: line["reason"] for line in held}
    assert len(reasons) == len(BAD)
    for bad, reason in BAD:
        assert reasons[bad[0]].startswith(reason)
    assert sum(json.loads(REASONS.read_text()).values()) == len(BAD)


def test_more_than_allowed_stops_it_and_leaves_what_was_there(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin_rows([row(1)])
    extract_traces.work(load_params())
    before = contents(TRACES)
    pin_store(workspace, monkeypatch, [stored(1), *(bad for bad, _ in BAD)])
    set_params(extract={"max_quarantined": len(BAD) - 1})
    says = rf"^9 traces are not valid, extract.max_quarantined allows 8 \({trace_id(91)}: .*; 4 more, 9 reasons\); mend"
    with pytest.raises(TracesError, match=says):
        extract_traces.work(load_params())
    assert contents(TRACES) == before
    assert not list(Path("data").glob(".*"))


def test_a_store_without_a_single_trace_makes_no_dataset(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin_store(workspace, monkeypatch, [bad for bad, _ in BAD])
    set_params(extract={"max_quarantined": 100})
    with pytest.raises(TracesError, match="none of 9 rows is a valid trace"):
        extract_traces.work(load_params())


def test_rows_other_than_those_pinned_are_refused(workspace: Path) -> None:
    pin_rows(row(n) for n in range(20))
    write_jsonl(Path("data/recorded/rows.jsonl.gz"), [row(n) for n in range(19)])
    says = r"embedded store \(data/recorded/\): not what data/snapshot.json pins \(partition from 2026-01-01 on"
    with pytest.raises(TracesError, match=says + r".*: 20 rows pinned, 19 found\); bring the rows back"):
        extract_traces.work(load_params())
    assert not TRACES.exists()


def test_rows_later_than_the_pin_are_not_read(workspace: Path) -> None:
    pin_rows(row(n) for n in range(20))
    write_jsonl(Path("data/recorded/later.jsonl.gz"), [row(20)])
    extract_traces.work(load_params())
    assert len(extracted("id")) == 20


def test_another_size_of_partitions_than_the_pin_s_says_to_pin(workspace: Path) -> None:
    pin_rows([row(1)])
    set_params(extract={"partition_rows": 16})
    with pytest.raises(TracesError, match="pinned with partition_rows 20480, params.yaml says 16; run `traces pin`"):
        extract_traces.work(load_params())
