"""`traces record`: games kept as a recording or in a database."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.commands.support import Command

THREE = ("record", "--game", "high_card_duel", "--episodes", "3", "--seed", "5")


@pytest.mark.ungar
def test_the_same_options_give_the_same_bytes(traces: Command) -> None:
    assert traces(*THREE) == 0
    assert traces.out == (
        "3 traces of 3 games written to data/recorded/high_card_duel-5.jsonl.gz; next: traces pin && dvc repro\n"
    )
    assert traces(*THREE, "--name", "again", "--json") == 0
    assert json.loads(traces.out) == {"written": "data/recorded/again.jsonl.gz", "traces": 3}
    folder = Path("data/recorded")
    assert (folder / "again.jsonl.gz").read_bytes() == (folder / "high_card_duel-5.jsonl.gz").read_bytes()
    held = json.loads((folder / "again.provenance.json").read_text())
    assert (held["seeds"], held["traces"], held["start"]) == ("5..7", 3, "2026-01-01T00:00:00+00:00")


@pytest.mark.ungar
def test_into_a_database_only_what_is_new_is_added(traces: Command) -> None:
    for count in (3, 0):
        assert traces(*THREE, "--to", "sqlite:///games.db", "--json") == 0
        assert json.loads(traces.out)["traces"] == count
    assert list(Path("data/recorded").iterdir()) == []


def test_a_recording_is_never_overwritten(traces: Command) -> None:
    path = Path("data/recorded/high_card_duel-5.jsonl.gz")
    path.write_bytes(b"precious")
    assert traces(*THREE) == 2
    assert "exists; take another --name or --seed, or remove it" in traces.err
    assert path.read_bytes() == b"precious"


@pytest.mark.parametrize("to", [[], ["--to", "sqlite:///games.db"]])
def test_without_ungar_one_line_says_how_to_install_it(
    traces: Command, monkeypatch: pytest.MonkeyPatch, to: list[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ungar", None)
    assert traces(*THREE, *to) == 1
    assert traces.err.startswith("traces: UNGAR is not installed; `pip install numpy && pip install --no-deps git+")
    assert len(traces.err.splitlines()) == 1
    assert list(Path("data/recorded").iterdir()) == []
