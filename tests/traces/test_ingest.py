"""Taking in JSON Lines: all of it or nothing, idempotent by id."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.support.samples import created_at, payload, row, stored, trace_id, write_jsonl, write_sqlite
from traces.embedded import open_configured
from traces.errors import TracesError, WrongUse
from traces.ingest import Ingested, ingest_into_recordings, ingest_into_store
from traces.store import open_store
from traces.text_files import read_lines
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


def test_the_same_content_at_another_time_is_not_the_same_row(url: str, tmp_path: Path) -> None:
    into_store(url, write_jsonl(tmp_path / "x.jsonl", [row(1)]))
    later = write_jsonl(tmp_path / "y.jsonl", [row(1) | {"created_at": "2020-01-01T00:00:00Z"}])
    with pytest.raises(
        TracesError, match=f"id {row(1)['id']} is there already, with other content or another created_"
    ):
        into_store(url, later)
    timeless = write_jsonl(tmp_path / "z.jsonl", [{"id": row(1)["id"], "payload": row(1)["payload"]}])
    assert into_store(url, timeless) == Ingested(0, 1, 0)
    zoned = write_jsonl(tmp_path / "zoned.jsonl", [row(1) | {"created_at": "2026-01-01T05:31:00+05:30"}])
    assert into_store(url, zoned) == Ingested(0, 1, 0)


def test_an_id_is_known_in_every_form_that_a_sqlite_store_may_hold(tmp_path: Path) -> None:
    for number, form in enumerate((str, str.upper, lambda i: i.replace("-", ""), lambda i: i.replace("-", "").upper())):
        held = stored(1)
        url = write_sqlite(tmp_path / f"{number}.db", [(form(trace_id(1)), *held[1:])])
        assert into_store(url, write_jsonl(tmp_path / "x.jsonl", [row(1)])) == Ingested(0, 1, 0), form


@pytest.mark.parametrize(("odd_id", "odd_payload"), [(b"\xff\xfe", "{}"), (5, "{}"), (trace_id(1), 5), (None, None)])
def test_a_sqlite_store_may_hold_anything(tmp_path: Path, odd_id: object, odd_payload: object) -> None:
    url = write_sqlite(tmp_path / "odd.db", [(odd_id, created_at(0), "1.0", odd_payload)])
    lines = write_jsonl(tmp_path / "x.jsonl", [row(2)])
    assert into_store(url, lines) == Ingested(1, 0, 0)


def test_two_at_once_wait_for_each_other(workspace: Path) -> None:
    files = [write_jsonl(Path(f"{name}/mine.jsonl"), [row(n) for n in numbers])
             for name, numbers in (("a", range(300)), ("b", range(200, 500)))]  # fmt: skip
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(into_recordings, files))
    assert sum(outcome.added for outcome in done) == 500
    assert sum(outcome.present for outcome in done) == 100
    assert sorted(path.name for path in RECORDED.glob("*.gz")) == ["mine-2.jsonl.gz", "mine.jsonl.gz"]


def test_an_empty_archive_was_cut_off(workspace: Path) -> None:
    Path("x.jsonl.gz").write_bytes(b"")
    with pytest.raises(TracesError, match=r"x.jsonl.gz: cut off or damaged after line 0 \(the file is empty\)"):
        into_recordings(Path("x.jsonl.gz"))


def test_a_file_s_name_may_hold_anything(workspace: Path) -> None:
    odd = Path(os.fsdecode(b"\xff\n.jsonl"))
    write_jsonl(odd, [row(1)])
    assert into_recordings(odd, write_jsonl(Path("good.jsonl"), [row(2)])) == Ingested(2, 0, 0)
    assert (RECORDED / "ingested.provenance.json").is_file()


def test_an_id_that_is_no_text_is_a_bad_line(workspace: Path) -> None:
    Path("x.jsonl").write_bytes(b'{"id":"\xff","payload":{}}\n')
    with pytest.raises(TracesError, match="x.jsonl, line 1: "):
        into_recordings(Path("x.jsonl"))


@pytest.mark.parametrize("data", [b"", b"\n", b" \r\n\n", b"\xef\xbb\xbf"])
def test_files_without_a_line_are_refused_and_leave_nothing(workspace: Path, data: bytes) -> None:
    Path("x.jsonl").write_bytes(data)
    before = sorted(Path.cwd().rglob("*"))
    for take in (into_recordings, partial(into_store, "sqlite:///new.db")):
        with pytest.raises(TracesError, match="^there is no line in any file; nothing was written$"):
            take(Path("x.jsonl"))
    assert sorted(Path.cwd().rglob("*")) == before


def test_files_of_bad_lines_alone_leave_no_new_store(workspace: Path) -> None:
    Path("x.jsonl").write_text("no\n{}\n")
    aside = Path("bad.jsonl")
    assert into_store("sqlite:///new.db", Path("x.jsonl"), quarantine=aside) == Ingested(0, 0, 2)
    assert not Path("new.db").exists()
    assert len(aside.read_text().splitlines()) == 2
