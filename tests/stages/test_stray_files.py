"""Files that no stage made and no person meant: excluded by .dvcignore, or refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages import extract_traces, manifest, select
from stages.params.reading import load_params
from stages.runtime.partitioned import partition_names
from tests.stages.lockfile import build, pin_rows, set_params, write_lock
from tests.support.samples import row, write_jsonl
from traces.embedded import open_configured
from traces.errors import TracesError
from traces.files import hash_file
from traces.recordings import RECORDED, recording_path, recordings, require_recordings

STRAY = [
    ".DS_Store",
    "._rows.jsonl.gz",
    "rows.jsonl",
    "notes.txt",
    "rows.jsonl.gz~",
    "sub/more.jsonl.gz",
    ".gitkeep",
    "Thumbs.db",
]


def put(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("name", STRAY)
@pytest.mark.parametrize("url", ["", "sqlite:///store.db"])
def test_a_stray_file_among_the_recordings_is_named(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    Path(".dvcignore").unlink()
    pin_rows([row(1)])
    put(RECORDED / name)
    monkeypatch.setenv("TRACES_DATABASE_URL", url)  # the folder is a dependency, whichever store is read
    with pytest.raises(TracesError) as refused:
        extract_traces.work(load_params())
    assert str(refused.value) == (
        f"data/recorded/{name}: no recording (NAME.jsonl.gz with NAME.provenance.json); "
        "move or remove it, or add its name to .dvcignore"
    )


@pytest.mark.parametrize("name", STRAY)
def test_a_file_that_dvcignore_excludes_is_no_recording(workspace: Path, name: str) -> None:
    pin_rows([row(1)])
    put(RECORDED / name, "not gzipped")
    put(Path(".dvcignore"), f"{Path(name).name}\n")
    require_recordings(RECORDED)
    assert recordings(RECORDED) == [RECORDED / "rows.jsonl.gz"]


def test_a_recording_that_dvcignore_excludes_is_not_read(workspace: Path) -> None:
    pin_rows([row(1)])
    write_jsonl(RECORDED / "more.jsonl.gz", [row(2)])
    put(Path(".dvcignore"), "/data/recorded/m*.gz\n")
    with open_configured(None) as store:
        assert store.census().rows == 1
    with pytest.raises(
        TracesError, match=r"^data/recorded/mine\.jsonl\.gz: .dvcignore excludes it, so it would not be"
    ):
        recording_path(RECORDED, "mine")


@pytest.mark.parametrize("name", [".DS_Store", "._a.jsonl", "a.bak", "sub/.gitkeep", "LICENSE"])
def test_a_stray_file_among_the_evaluation_sets_is_named(workspace: Path, name: str) -> None:
    Path(".dvcignore").unlink()
    pin_rows(row(n) for n in range(60))
    extract_traces.work(load_params())
    for known in ("README.md", "a.jsonl"):
        put(Path("data/evalsets") / known, '{"prompt": "a"}')
    select.work(load_params())
    put(Path("data/evalsets") / name)
    with pytest.raises(TracesError) as refused:
        select.work(load_params())
    assert str(refused.value) == (
        f"data/evalsets/{name}: no evaluation set (NAME.jsonl); move or remove it, or add its name to .dvcignore"
    )
    put(Path(".dvcignore"), f"{Path(name).name}\n")
    select.work(load_params())


def test_an_evaluation_set_that_dvcignore_excludes_is_refused(workspace: Path) -> None:
    pin_rows(row(n) for n in range(60))
    extract_traces.work(load_params())
    put(Path("data/evalsets/a.jsonl"), '{"prompt": "a"}')
    put(Path(".dvcignore"), "a.jsonl\n")
    set_params(decontaminate={"evalsets": ["a.jsonl"]})
    with pytest.raises(TracesError, match=r"evalsets: data/evalsets/a\.jsonl: \.dvcignore excludes it, so DVC would"):
        select.work(load_params())


@pytest.mark.parametrize(
    ("pattern", "stray"),
    [
        ("*.parquet", None),
        ("/data/traces/old*", "data/traces/old.parquet"),
        ("old/", "data/export/trace/old/train-1.jsonl"),
    ],
)
def test_a_file_that_is_read_but_not_kept_stops_the_manifest(workspace: Path, pattern: str, stray: str | None) -> None:
    build(row(n) for n in range(60))
    if stray:
        put(Path(stray))
    put(Path(".dvcignore"), f"{pattern}\n")
    write_lock()
    with pytest.raises(TracesError, match=r"\.(parquet|jsonl): \.dvcignore excludes it, so DVC does not keep it, but"):
        manifest.work(load_params())


def test_a_hidden_file_is_no_partition_and_no_schema(workspace: Path) -> None:
    build(row(n) for n in range(60))
    before, names = hash_file(Path("data/manifest.json")), partition_names(Path("data/traces"))
    put(Path(".dvcignore"), "._*\n")
    for name in ("data/traces/._x.parquet", "schemas/export/._x.schema.json", "data/quarantine/._x.jsonl"):
        put(Path(name))
    assert partition_names(Path("data/traces")) == names
    manifest.work(load_params())
    assert hash_file(Path("data/manifest.json")) == before
