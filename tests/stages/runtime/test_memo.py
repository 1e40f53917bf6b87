"""The memo gives back what was made, or nothing: never what other code, params or inputs would make."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Json

from stages import extract_traces, select
from stages.params.reading import load_params
from stages.paths import SELECTION, TRACES
from stages.runtime import memo
from stages.runtime.memo import Memo, code_hash, enabled, memo_root, open_memo, remembering, trim
from stages.selection import candidates
from tests.stages.lockfile import build, set_params
from tests.support.samples import created_at, payload, row, trace_id
from tests.support.shell import ROOT
from traces.errors import TracesError
from traces.files import hash_file
from traces.pin import SNAPSHOT, dump_pin
from traces.pinning import take_pin
from traces.store import open_store


@dataclass
class Made:
    """Such as stages return."""

    rows: int
    words: Counter[str] = field(default_factory=Counter)
    sizes: Counter[int] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)


MADE = Made(3, Counter({"a": 2}), Counter({7: 1}), {"x", "y"})


@pytest.fixture(autouse=True)
def _on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRACES_MEMO", "on")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))


@pytest.fixture
def held(tmp_path: Path) -> Memo:
    return Memo(tmp_path / "memo")


def made(held: Memo, folder: Path, inputs: str = "input") -> tuple[Made, int]:
    """A result with a file, from the memo where it has them, and how often it had to be made."""
    folder.mkdir(exist_ok=True)
    calls = []

    def make() -> Made:
        calls.append(1)
        (folder / "out").write_text(f"made of {inputs}")
        return MADE

    result = remembering(held, lambda: [inputs], [folder / "out", folder / "none"], Made, make)
    assert (folder / "out").read_text() == f"made of {inputs}"
    assert not (folder / "none").exists()
    return result, len(calls)


def test_what_was_made_comes_back_with_its_file_and_its_types(held: Memo, tmp_path: Path) -> None:
    assert made(held, tmp_path / "a") == (MADE, 1)
    assert made(held, tmp_path / "b") == (MADE, 0)
    assert made(held, tmp_path / "c", "another input")[1] == 1


@pytest.mark.parametrize("name", ["0", "entry"])
@pytest.mark.parametrize("damage", [lambda _: b"", lambda data: data[:-1] + b"?", lambda data: data + b"?"])
def test_a_damaged_entry_is_made_anew(held: Memo, tmp_path: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    made(held, tmp_path / "a")
    (entry,) = held.folder.iterdir()
    file = entry / name
    damaged = damage(file.read_bytes())
    file.unlink()
    file.write_bytes(damaged)
    assert made(held, tmp_path / "b") == (MADE, 1)
    assert made(held, tmp_path / "c") == (MADE, 0)


def test_a_file_that_was_changed_in_place_after_it_was_made_is_not_given_back(held: Memo, tmp_path: Path) -> None:
    made(held, tmp_path / "a")
    with (tmp_path / "a" / "out").open("a") as file:
        file.write("!")
    assert made(held, tmp_path / "b") == (MADE, 1)


def test_without_an_entry_s_file_it_is_made_anew(held: Memo, tmp_path: Path) -> None:
    made(held, tmp_path / "a")
    (entry,) = held.folder.iterdir()
    (entry / "0").unlink()
    assert made(held, tmp_path / "b") == (MADE, 1)


def test_what_is_not_sound_is_not_remembered(held: Memo) -> None:
    assert remembering(held, lambda: ["i"], [], int, lambda: 5, lambda found: found != 5) == 5
    assert not held.folder.exists()


def test_writers_at_once_leave_one_whole_entry(held: Memo, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: made(held, tmp_path / str(n))[0], range(32)))
    assert results == [MADE] * 32
    (entry,) = held.folder.iterdir()
    assert sorted(path.name for path in entry.iterdir()) == ["0", "entry"]


def folder_of(task: str, params: object) -> Path | None:
    with open_memo(task, params) as found:
        return None if found is None else found.folder


def test_another_task_or_param_or_library_is_another_memo(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [folder_of("render", {"a": 1}), folder_of("render", {"a": 2}), folder_of("select", {"a": 1})]
    monkeypatch.setattr(memo.metadata, "version", lambda name: f"{name} 99")
    folders.append(folder_of("render", {"a": 1}))
    assert len(set(folders)) == 4
    assert None not in folders


def test_any_change_of_the_code_is_seen(tmp_path: Path) -> None:
    for package in ("stages", "training", "traces"):
        shutil.copytree(ROOT / package, tmp_path / package)
    before = code_hash(tmp_path)
    assert before == code_hash(ROOT)
    (tmp_path / "traces/ids.py").write_text((ROOT / "traces/ids.py").read_text() + "\n# more\n")
    changed = code_hash(tmp_path)
    (tmp_path / "training/templates/mine.json").write_text("{}")
    assert len({before, changed, code_hash(tmp_path)}) == 3


def test_code_that_was_written_since_the_process_began_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder_of("render", None) is not None
    monkeypatch.setattr(memo, "STARTED", 0.0)
    assert folder_of("render", None) is None


def test_code_that_was_moved_here_with_an_old_time_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in memo.CODE:
        (tmp_path / package).mkdir()
    (tmp_path / "old.py").write_text("")
    os.utime(tmp_path / "old.py", (1, 1))
    monkeypatch.setattr(memo, "STARTED", time.time() + 0.05)
    time.sleep(0.1)
    assert not memo.code_changed(tmp_path)
    (tmp_path / "old.py").rename(tmp_path / "stages/keys.py")
    assert memo.code_changed(tmp_path)


def test_a_bad_bound_is_said_before_the_work_and_hides_no_other_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACES_MEMO_MAX_GB", "1.5")
    with pytest.raises(TracesError, match=r"TRACES_MEMO_MAX_GB=1\.5"), open_memo("render", None):
        pytest.fail("the work has begun")


def test_a_result_that_cannot_be_written_is_not_remembered(held: Memo) -> None:
    for result in (2**70, "\ud800"):
        held.remember(held.key(["i"]), [], result)
    assert list(held.folder.iterdir()) == []


def test_what_was_remembered_while_the_code_changed_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_memo("render", None) as found:
        assert found is not None
        found.remember(found.key(["i"]), [], 1)
        assert found.folder.exists()
        monkeypatch.setattr(memo, "STARTED", 0.0)
    assert not found.folder.exists()


def test_it_holds_no_more_than_it_may_the_longest_unused_go_first(held: Memo, tmp_path: Path) -> None:
    held = Memo(memo_root() / "some")
    for number, name in enumerate("abc"):
        made(held, tmp_path / name, name)
        os.utime(held.folder / held.key([name]) / "entry", (number, number))
    made(held, tmp_path / "again", "a")  # used now
    one = sum(path.stat().st_size for path in (held.folder / held.key(["a"])).iterdir())
    trim(2 * one)
    assert {path.name for path in held.folder.iterdir()} == {held.key(["a"]), held.key(["c"])}
    trim(0)
    assert not held.folder.exists()


@pytest.mark.parametrize(
    ("settings", "on"), [({}, True), ({"CI": "true"}, False), ({"CI": "", "TRACES_MEMO": "off"}, False)]
)
def test_it_is_off_in_ci_and_where_that_is_said(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], on: bool
) -> None:
    monkeypatch.delenv("TRACES_MEMO")
    monkeypatch.delenv("CI", raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert enabled() == on


def test_other_settings_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACES_MEMO_MAX_GB", "many")
    with pytest.raises(TracesError, match="TRACES_MEMO_MAX_GB=many: expected a whole number"):
        memo.max_bytes()
    monkeypatch.setenv("TRACES_MEMO", "yes")
    with pytest.raises(TracesError, match="TRACES_MEMO=yes: expected on or off"):
        enabled()


def hashes() -> dict[str, str]:
    return {path.as_posix(): hash_file(path) for path in sorted(Path("data").rglob("*")) if path.is_file()}


def test_a_build_from_the_memo_is_the_build_without(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_params(extract={"partition_rows": 16})
    build(row(n) for n in range(100))
    first = hashes()
    with monkeypatch.context() as patch:
        patch.setattr(candidates, "find_candidates", None)  # not called: remembered
        select.work(load_params())
    build(row(n) for n in range(100))
    assert hashes() == first
    monkeypatch.setenv("TRACES_MEMO", "off")
    build(row(n) for n in range(100))
    assert hashes() == first
    assert len(list(TRACES.iterdir())) > 3


def test_rows_other_than_the_pinned_ones_are_not_remembered_as_those(
    workspace: Path, database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = database("json")
    monkeypatch.setenv("TRACES_DATABASE_URL", url)
    with psycopg.connect(url, autocommit=True) as connection:
        for n in range(20):
            values = (trace_id(n), created_at(n), "1.0", Json(payload(n)))
            connection.execute("INSERT INTO traces VALUES (%s, %s, %s, %s)", values)
        with open_store(url) as store:
            SNAPSHOT.write_text(dump_pin(take_pin(store, load_params().extract.partition_rows, 0)))
        connection.execute("UPDATE traces SET payload = %s WHERE id = %s", (Json(payload(99)), trace_id(3)))
        with pytest.raises(TracesError, match="content changed"):
            extract_traces.work(load_params())
        connection.execute("UPDATE traces SET payload = %s WHERE id = %s", (Json(payload(3)), trace_id(3)))
        extract_traces.work(load_params())
        first = hashes()
        # Read once, it is not read again: the store may be gone by then.
        connection.execute("DELETE FROM traces WHERE id = %s", (trace_id(3),))
        extract_traces.work(load_params())
        assert hashes() == first
    assert not SELECTION.exists()
