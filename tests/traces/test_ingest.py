"""Taking in JSON Lines: all of it or nothing, idempotent by id."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.samples import payload, row, write_jsonl
from traces.embedded import open_configured
from traces.errors import TracesError, WrongUse
from traces.incoming import read_lines
from traces.ingest import Ingested, ingest_into_recordings, ingest_into_store
from traces.store import open_store
from traces.times import LAST_US

RECORDED = Path("data/recorded")


def into_recordings(*paths: Path, quarantine: Path | None = None) -> Ingested:
    return ingest_into_recordings(RECORDED, list(paths), 7, quarantine, lambda lines, _: lines)


def into_store(url: str, *paths: Path, quarantine: Path | None = None) -> Ingested:
    return ingest_into_store(url, list(paths), 7, quarantine, lambda lines, _: lines)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    made: Callable[[str], str] = request.getfixturevalue("database")
    return made("")


def ids(url: str) -> list[str]:
    with open_store(url) as store:
        return [found.id for found in store.rows(LAST_US)]


def test_a_store_takes_in_rows_once_and_its_table_is_made_where_it_is_missing(url: str, tmp_path: Path) -> None:
    lines = write_jsonl(tmp_path / "x.jsonl", [row(1), row(2), payload(3)])
    assert into_store(url, lines) == Ingested(3, 0, 0)
    assert into_store(url, lines) == Ingested(0, 3, 0)
    assert len(ids(url)) == 3
    with open_store(url) as store:
        assert next(store.rows(7)).created_us == 7  # the line without a time has the one that was given


def test_a_bad_line_stops_it_and_nothing_is_written(url: str, tmp_path: Path) -> None:
    into_store(url, write_jsonl(tmp_path / "first.jsonl", [row(0)]))
    lines = write_jsonl(tmp_path / "x.jsonl", [*(row(n) for n in range(1, 900)), payload(prompt="")])
    says = r"x\.jsonl, line 900: \$\.prompt: expected str of length >= 1; nothing was written; mend the line, or set"
    with pytest.raises(TracesError, match=says):
        into_store(url, lines)
    assert ids(url) == [row(0)["id"]]


def test_an_id_that_is_there_with_other_content_is_a_bad_line(url: str, tmp_path: Path) -> None:
    into_store(url, write_jsonl(tmp_path / "a.jsonl", [row(1)]))
    other = row(1, prompt="Another?")
    with pytest.raises(TracesError, match=r"b\.jsonl, line 1: id .* is there already, with other content"):
        into_store(url, write_jsonl(tmp_path / "b.jsonl", [other]))


def test_bad_lines_can_be_set_aside(url: str, tmp_path: Path) -> None:
    lines = tmp_path / "x.jsonl"
    lines.write_bytes(json.dumps(row(1)).encode() + b"\nnon\xffsense\n" + json.dumps(row(2)).encode() + b"\n")
    aside = tmp_path / "bad.jsonl"
    assert into_store(url, lines, quarantine=aside) == Ingested(2, 0, 1)
    held = json.loads(aside.read_text())
    assert held["reason"].startswith("not a JSON object")
    assert held | {"reason": ""} == {"file": str(lines), "line": 2, "reason": "", "text": "non\ufffdsense"}


def test_a_file_of_bad_lines_is_never_overwritten_and_not_made_for_none(workspace: Path) -> None:
    lines = write_jsonl(Path("x.jsonl"), [row(1)])
    into_recordings(lines, quarantine=Path("bad.jsonl"))
    assert not Path("bad.jsonl").exists()
    Path("bad.jsonl").write_text("precious")
    with pytest.raises(WrongUse, match="--quarantine bad.jsonl: exists; name a new file"):
        into_recordings(lines, quarantine=Path("bad.jsonl"))
    assert Path("bad.jsonl").read_text() == "precious"


def test_recordings_take_in_what_is_new_a_recording_a_file(workspace: Path) -> None:
    first = write_jsonl(Path("my traces.jsonl"), [row(1), row(2)])
    again = write_jsonl(Path("sub/my traces.jsonl.gz"), [row(2), row(3)])
    assert into_recordings(first, again) == Ingested(3, 1, 0)
    names = sorted(path.name for path in RECORDED.iterdir())
    assert names == [
        f"my-traces{number}.{kind}" for number in ("-2", "") for kind in ("jsonl.gz", "provenance.json")
    ] or names == sorted(f"my-traces{n}.{kind}" for n in ("", "-2") for kind in ("jsonl.gz", "provenance.json"))
    assert json.loads((RECORDED / "my-traces-2.provenance.json").read_text()) == {
        "source": "ingest",
        "file": "my traces.jsonl.gz",
        "traces": 1,
    }
    with open_configured(None) as store:
        assert [found.id for found in store.rows(LAST_US)] == [row(n)["id"] for n in (1, 2, 3)]
    assert into_recordings(first) == Ingested(0, 2, 0)
    assert len(list(RECORDED.iterdir())) == 4


def test_recordings_are_left_alone_by_a_bad_line(workspace: Path) -> None:
    good, bad = write_jsonl(Path("a.jsonl"), [row(1)]), write_jsonl(Path("b.jsonl"), [row(2), {}])
    with pytest.raises(TracesError, match=r"b\.jsonl, line 2: "):
        into_recordings(good, bad)
    assert list(RECORDED.iterdir()) == []


def test_what_was_taken_in_has_the_same_bytes_each_time(workspace: Path) -> None:
    lines = write_jsonl(Path("a.jsonl"), [row(1), payload(2)])
    found = []
    for _ in range(2):
        into_recordings(lines)
        path = RECORDED / "a.jsonl.gz"
        found.append(path.read_bytes())
        assert [json.loads(line)["payload"] for _, line in read_lines(path)] == [payload(1), payload(2)]
        for made in RECORDED.iterdir():
            made.unlink()
    assert found[0] == found[1]
    assert gzip.decompress(found[0]).endswith(b"}\n")
