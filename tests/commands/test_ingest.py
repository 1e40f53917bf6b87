"""`traces ingest`: where the traces go, and what it says."""

from __future__ import annotations

import codecs
import gzip
import json
from pathlib import Path

import pytest

from tests.commands.support import Command
from tests.support.samples import payload, row, write_jsonl


def test_without_a_database_they_become_a_recording(traces: Command) -> None:
    write_jsonl(Path("mine.jsonl"), [row(1), payload(2)])
    assert traces("ingest", "mine.jsonl", "--created-at", "2026-01-01") == 0
    assert traces.out == "2 traces added, 0 there already; next: traces pin && dvc repro\n"
    assert traces("ingest", "mine.jsonl", "--json") == 0
    assert json.loads(traces.out) == {"added": 0, "present": 2, "quarantined": 0}
    assert Path("data/recorded/mine.jsonl.gz").is_file()


def test_with_a_url_they_go_there(traces: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    write_jsonl(Path("mine.jsonl"), [row(1)])
    assert traces("ingest", "mine.jsonl", "--to", "sqlite:///one.db") == 0
    monkeypatch.setenv("TRACES_DATABASE_URL", "sqlite:///two.db")
    assert traces("ingest", "mine.jsonl") == 0
    assert Path("one.db").is_file()
    assert Path("two.db").is_file()
    assert list(Path("data/recorded").iterdir()) == []


def test_a_bad_line_stops_it_or_is_set_aside(traces: Command) -> None:
    write_jsonl(Path("mine.jsonl"), [row(1), {}])
    assert traces("ingest", "mine.jsonl") == 1
    assert traces.err.startswith("traces: mine.jsonl, line 2: ")
    assert list(Path("data/recorded").iterdir()) == []
    assert traces("ingest", "mine.jsonl", "--quarantine", "bad.jsonl") == 0
    assert "1 trace added, 0 there already, 1 bad line in bad.jsonl" in traces.out
    assert traces("ingest", "mine.jsonl", "--quarantine", "bad.jsonl") == 2


def test_traces_with_a_blank_field_are_taken_and_that_is_said(traces: Command) -> None:
    """What a model answered is stored as it is; a build sets it aside."""
    write_jsonl(Path("mine.jsonl"), [payload(1), payload(2, final_answer="\u200b"), payload(3, prompt=" \n")])
    assert traces("ingest", "mine.jsonl") == 0
    assert traces.out.startswith("3 traces added")
    assert "a build will quarantine 2 traces: mine.jsonl, line 2: final_answer shows nothing" in traces.err
    assert "extract.max_quarantined" in traces.err


SOUND = "".join(
    json.dumps(row(number, prompt=f"Qu\u00e9 es {number}?"), ensure_ascii=False) + "\n" for number in range(3)
)


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + SOUND.encode(),
        SOUND.encode("utf-16"),
        SOUND.encode("utf-16-le"),
        SOUND.encode("utf-16-be"),
        gzip.compress(SOUND.encode()),
        gzip.compress(SOUND.encode("utf-16")),
    ],
)
@pytest.mark.parametrize("options", [[], ["--to", "sqlite:///new.db"], ["--quarantine", "bad.jsonl"]])
def test_a_sound_file_is_taken_whatever_its_encoding_and_packing(
    traces: Command, data: bytes, options: list[str]
) -> None:
    Path("mine.jsonl").write_bytes(data)
    assert traces("ingest", "mine.jsonl", *options) == 0
    assert traces.out.startswith("3 traces added, 0 there already")
    assert not Path("bad.jsonl").exists()


def test_a_file_of_another_kind_is_named_and_leaves_nothing(traces: Command) -> None:
    Path("mine.jsonl").write_bytes(b"\x28\xb5\x2f\xfd and more")
    before = sorted(Path().rglob("*"))
    assert traces("ingest", "mine.jsonl", "--to", "sqlite:///new.db", "--quarantine", "aside/bad.jsonl") == 1
    assert traces.err == "traces: mine.jsonl: this is Zstandard (.zst); unpack it first\n"
    assert sorted(Path().rglob("*")) == before
