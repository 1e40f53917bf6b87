"""`traces pin` and `traces pin --check`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.commands.support import Command, record_rows
from tests.support.samples import created_at, row, write_jsonl

SNAPSHOT = Path("data/snapshot.json")


def test_an_unchanged_store_changes_no_byte(traces: Command) -> None:
    record_rows(0, 1)
    assert traces("pin") == 0
    assert traces.out == (
        f"wrote data/snapshot.json: 2 rows in 1 partition of embedded store (data/recorded/), as of {created_at(1)}\n"
    )
    before = SNAPSHOT.read_bytes()
    assert traces("pin") == 0
    assert traces.out.startswith("unchanged: data/snapshot.json: 2 rows")
    assert SNAPSHOT.read_bytes() == before


def test_check_exits_0_for_fresh_and_behind_and_1_for_broken(traces: Command) -> None:
    record_rows(0, 1)
    traces("pin")
    before = SNAPSHOT.read_bytes()
    assert traces("pin", "--check") == 0
    assert traces.out == f"fresh: 2 rows of embedded store (data/recorded/) pinned as of {created_at(1)}\n"
    record_rows(2, name="more")
    assert traces("pin", "--check") == 0
    assert traces.out.startswith("behind by 1 row: 2 rows of")
    record_rows(0)
    assert traces("pin", "--check", "--json") == 1
    held = json.loads(traces.out)
    assert (held["state"], held["behind"]) == ("broken", 1)
    assert held["differences"][0].endswith("2 rows pinned, 1 found")
    assert SNAPSHOT.read_bytes() == before


def test_a_broken_pin_is_mended_by_pinning(traces: Command) -> None:
    record_rows(0, 1)
    traces("pin")
    record_rows(0)
    assert traces("pin") == 0
    assert traces("pin", "--check") == 0


def test_rows_too_young_to_be_settled_are_left_out_and_counted(traces: Command) -> None:
    now = (datetime.now(UTC) + timedelta(seconds=-10)).isoformat()
    write_jsonl(Path("data/recorded/x.jsonl.gz"), [row(0), row(1) | {"created_at": now}])
    traces("pin")
    assert "1 row in 1 partition" in traces.out
    assert "left out as too young (--settle): 1 row" in traces.out
    traces("pin", "--settle", "0", "--json")
    held = json.loads(traces.out)
    assert (held["rows"], held["younger"], held["changed"]) == (2, 0, True)


def test_rows_of_the_future_are_left_out_whatever_settles_and_counted_apart(traces: Command) -> None:
    times = ["2999-01-01T00:00:00Z", "9999-12-31T23:59:59Z", datetime.now(UTC).isoformat()]
    write_jsonl(
        Path("data/recorded/x.jsonl.gz"), [row(0), *(row(n) | {"created_at": t} for n, t in enumerate(times, 1))]
    )
    traces("pin")
    assert "left out as too young (--settle): 1 row; left out as later than the store's clock: 2 rows" in traces.out
    traces("pin", "--settle", "0", "--json")
    held = json.loads(traces.out)
    assert (held["rows"], held["younger"], held["future"]) == (2, 0, 2)
    assert traces("pin", "--check") == 0
    assert traces.out.startswith("behind by 2 rows")
