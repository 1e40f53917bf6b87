"""`traces status`: the store, the pin, what is installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from tests.commands.support import Command, record_rows
from tests.support.samples import created_at, row, write_jsonl


def test_the_embedded_store_is_described(traces: Command) -> None:
    record_rows(0, 1, 2)
    assert traces("status") == 0
    assert "embedded store (data/recorded/), sqlite" in traces.out
    assert f"3, {created_at(0)} to {created_at(2)}" in traces.out
    assert "sums 3" in traces.out


def test_json_has_it_all(traces: Command) -> None:
    record_rows(0, 1)
    traces("pin", "--settle", "0")
    assert traces("status", "--json") == 0
    held = json.loads(traces.out)
    assert held["store"] == {
        "name": "embedded store (data/recorded/)",
        "kind": "sqlite",
        "rows": 2,
        "first": created_at(0),
        "last": created_at(1),
        "sources": {"ungar": 2},
        "games": {"sums": 2},
        "uncounted": None,
    }
    assert held["pin"] == {"state": "fresh", "as_of": created_at(1), "rows": 2, "behind": 0, "differences": []}


def test_how_the_pin_stands_is_said(traces: Command) -> None:
    record_rows(0, 1)
    traces("status")
    assert "data/snapshot.json: no pin yet" in traces.out
    traces("pin")
    record_rows(2, 3, 4, name="more")
    traces("status")
    assert f"behind by 3 rows later than {created_at(1)}; `traces pin` takes them in" in traces.out
    write_jsonl(Path("data/recorded/rows.jsonl.gz"), [row(0), row(1, prompt="Other?")])
    assert traces("status") == 0
    assert "broken: of the rows up to" in traces.out
    assert "partition from 2026-01-01 on" in traces.out


def test_what_is_not_installed_is_said_with_how_to_install_it(traces: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    record_rows(0)
    monkeypatch.setitem(sys.modules, "ungar", None)
    monkeypatch.setattr(metadata, "version", missing)
    traces("status")
    assert "Not Installed: pip install numpy && pip install --no-deps git+https://github.com/m-cahill/ungar@0e29" in (
        traces.out.replace("\n", "").replace("  ", "")
    )
    assert "Not Installed: pip install --require-hashes -r requirements-training.lock" in traces.out


def test_a_password_is_masked(
    traces: Command,
    database: Callable[[str], str],
    require_password: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import psycopg

    url = database("json")
    with psycopg.connect(url, autocommit=True) as connection:
        locked = require_password(url, "right-one")
        connection.execute("GRANT SELECT ON traces TO locked")
    monkeypatch.setenv("TRACES_DATABASE_URL", locked)
    for arguments in (["status"], ["status", "--json"]):
        assert traces(*arguments) == 0
        assert "locked:***@" in traces.out
        assert "right-one" not in traces.out + traces.err


def test_a_game_s_name_is_data_and_not_markup(traces: Command) -> None:
    write_jsonl(Path("data/recorded/x.jsonl.gz"), [row(0, meta={"game": "[bold]x[/bold]"})])
    traces("status")
    assert "[bold]x[/bold] 1" in traces.out


def test_a_long_name_is_cut_and_an_empty_one_is_said(traces: Command) -> None:
    write_jsonl(
        Path("data/recorded/x.jsonl.gz"), [row(0, meta={"game": "W" * 300}), row(1, meta={"game": "", "source": ""})]
    )
    traces("status")
    assert f"{'W' * 59}… 1" in traces.out
    assert "W" * 60 not in traces.out
    assert traces.out.count("(empty) 1") == 2
    traces("status", "--json")
    assert json.loads(traces.out)["store"]["games"] == {"W" * 300: 1, "": 1}


def test_a_game_s_name_steers_no_terminal(traces: Command) -> None:
    write_jsonl(
        Path("data/recorded/x.jsonl.gz"), [row(0, meta={"game": "a\x1b[2J\u202e\nb", "source": "\x1b]0;x\x07"})]
    )
    traces("status")
    assert "a\\x1b[2J\\u202e\\nb 1" in traces.out
    assert "\x1b" not in traces.out
