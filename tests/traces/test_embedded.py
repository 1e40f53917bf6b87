"""The embedded store: the recordings as a SQLite store, gone when it is closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.samples import row, write_jsonl, write_sqlite
from traces.embedded import build_embedded, open_configured
from traces.errors import TracesError
from traces.times import LAST_US


def test_it_holds_every_recording_in_order_and_vanishes(workspace: Path) -> None:
    write_jsonl(Path("data/recorded/b.jsonl.gz"), [row(1), row(3)])
    write_jsonl(Path("data/recorded/a.jsonl.gz"), [row(2)])
    with build_embedded() as url:
        assert Path(url.removeprefix("sqlite:///")).is_file()
    assert not Path(url.removeprefix("sqlite:///")).exists()
    with open_configured(None) as store:
        assert [found.id for found in store.rows(LAST_US)] == [row(n)["id"] for n in (1, 2, 3)]
        assert store.label == "embedded store (data/recorded/)"


def test_a_url_names_another_store(workspace: Path, tmp_path: Path) -> None:
    with open_configured(write_sqlite(tmp_path / "x.db", [])) as store:
        assert "x.db" in store.label


def test_two_recordings_with_one_id_are_both_named(workspace: Path) -> None:
    write_jsonl(Path("data/recorded/a.jsonl.gz"), [row(1), row(2)])
    write_jsonl(Path("data/recorded/b.jsonl.gz"), [row(3), row(2)])
    says = f"data/recorded/b.jsonl.gz, line 2: id {row(2)['id']} is in data/recorded/a.jsonl.gz too; remove one"
    with pytest.raises(TracesError, match=says), build_embedded():
        pass


def test_a_recording_that_holds_an_id_twice_is_named(workspace: Path) -> None:
    write_jsonl(Path("data/recorded/a.jsonl.gz"), [row(1), row(1, prompt="Another?")])
    with pytest.raises(TracesError, match=r"a\.jsonl\.gz, line 2: id .* is in it twice"), build_embedded():
        pass
