"""Bad input, under real DVC: one clear line, an exit code that is not 0, and nothing half-written taken for whole."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.support.samples import row, stored, trace_id, write_jsonl, write_sqlite
from tests.support.shell import run

STAGES = ("extract_traces", "select", "render", "export", "manifest", "card", "validate")


def refusal(folder: Path, *command: str, **settings: str) -> str:
    """The one line that a failing `dvc repro` says; no output of the failed stage is left."""
    done = run(folder, *(command or ("dvc", "repro")), code=None, **settings)
    assert done.code != 0, done.text
    assert "Traceback" not in done.text
    lines = [line for line in done.text.splitlines() if line.startswith(tuple(f"{stage}: " for stage in STAGES))]
    assert len(lines) == 1, done.text
    assert not list(folder.glob("data/**/*.tmp"))
    return lines[0]


@pytest.fixture(scope="module")
def shared(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared") / "project"
    shutil.copytree(built, folder, symlinks=True)
    return folder


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "strategy: all ",
            "strategy: best ",
            "select: params.yaml: selection.strategy: 'best': input should be 'all', 'latest', 'random', ",
        ),
        (
            "strategy: all ",
            "strategy: random ",
            "select: params.yaml: selection: strategy random needs selection.seed, a whole number",
        ),
        ("game: null", "game: chess", "select: params.yaml: filters.game: 'chess' matches none of 2338 traces"),
        ("test: 0.1", "test: 1.5", "select: params.yaml: split.test: 1.5: input should be less than or equal to 1"),
        ("version: v1", "version: ${oc.env:HOME}", "manifest: params.yaml: dataset.version: holds `${`"),
        ("system: null", 'system: "${oc.env:HOME}"', "render: params.yaml: render.system: holds `${`"),
        ("game: null", 'game: ["${x}"]', "select: params.yaml: filters.game: holds `${`"),
        (
            "[trace, tunix_sft, tunix_grpo]",
            "[csv]",
            "export: params.yaml: export.formats.0: 'csv': input should be 'trace', ",
        ),
    ],
)
def test_a_bad_param_is_refused_by_the_first_stage_that_it_concerns(
    shared: Path, old: str, new: str, says: str
) -> None:
    params = shared / "params.yaml"
    before = params.read_text()
    assert old in before
    params.write_text(before.replace(old, new))
    try:
        assert refusal(shared).startswith(says)
    finally:
        params.write_text(before)


def with_another_digest(text: str) -> str:
    digest = json.loads(text)["partitions"][0]["digest"]
    return text.replace(digest, digest[::-1])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text[:100], "data/snapshot.json: the file: Invalid JSON"),
        (lambda text: text.replace('"rows": 2338', '"rows": 2337', 1), "rows says 2337, its partitions add up to 2338"),
        (lambda text: text.replace("  ", "    "), "not as `traces pin` writes it"),
        (
            with_another_digest,
            "embedded store (data/recorded/): not what data/snapshot.json pins (partition from 2026-11-02",
        ),
    ],
)
def test_an_edited_pin_is_refused(repository: Path, change: Callable[[str], str], says: str) -> None:
    path = repository / "data/snapshot.json"
    path.write_text(change(path.read_text()))
    line = refusal(repository)
    assert line.startswith("extract_traces: ")
    assert says in line


def test_a_missing_pin_is_refused(repository: Path) -> None:
    (repository / "data/snapshot.json").unlink()
    assert "data/snapshot.json" in run(repository, "dvc", "repro", code=255).err
    line = refusal(repository, "python", "-m", "stages.extract_traces")
    assert line.endswith("no pin yet; `git checkout data/snapshot.json` restores one, `traces pin` makes one")


CHANGES = {
    "lost": ("DELETE FROM traces WHERE id = ?", "30 rows pinned, 29 found"),
    "changed": ("UPDATE traces SET payload = '{}' WHERE id = ?", "30 rows, content changed"),
    "gained": (
        "INSERT INTO traces SELECT 'f'||substr(id, 2), created_at, trace_version, payload FROM traces WHERE id = ?",
        "30 rows pinned, 31 found",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_store_that_lost_gained_or_changed_a_pinned_row_is_refused(
    repository: Path, tmp_path: Path, what: str
) -> None:
    statement, says = CHANGES[what]
    url = write_sqlite(tmp_path / "store.db", (stored(n) for n in range(30)))
    run(repository, "traces", "pin", TRACES_DATABASE_URL=url)
    run(repository, "dvc", "repro", "extract_traces", TRACES_DATABASE_URL=url)
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute(statement, [trace_id(7).replace("-", "")])
    connection.close()
    line = refusal(repository, "dvc", "repro", "-f", "-s", "extract_traces", TRACES_DATABASE_URL=url)
    assert line.startswith(f"extract_traces: {url}: not what data/snapshot.json")
    assert f"partition from 2026-01-01 on ({trace_id(0)}): {says}" in line
    assert "bring the rows back, or take the store as it is with `traces pin`" in line
    assert not (repository / "data/traces").exists()
    assert run(repository, "traces", "pin", "--check", code=1, TRACES_DATABASE_URL=url).out.startswith("broken: 30")


def test_a_payload_that_is_no_trace_stops_the_build_or_is_set_aside_and_counted(
    repository: Path, tmp_path: Path
) -> None:
    broken = (*stored(30)[:3], '{"trace_version": "1.0", "prompt": ""}')
    url = write_sqlite(tmp_path / "store.db", [*(stored(n) for n in range(30)), broken])
    run(repository, "traces", "pin", TRACES_DATABASE_URL=url)
    line = refusal(repository, TRACES_DATABASE_URL=url)
    reason = "$.prompt: expected str of length >= 1"
    assert f"1 traces are not valid, extract.max_quarantined allows 0 ({trace_id(30)}: {reason})" in line

    params = repository / "params.yaml"
    params.write_text(params.read_text().replace("max_quarantined: 0", "max_quarantined: 1"))
    run(repository, "dvc", "repro", "validate", TRACES_DATABASE_URL=url)
    stats = json.loads((repository / "reports/stats.json").read_text())
    assert (stats["read"], stats["quarantined"], stats["selected"]) == (31, 1, 30)
    assert stats["quarantine_reasons"] == {reason: 1}
    (held,) = (repository / "data/quarantine").glob("*.jsonl")
    assert json.loads(held.read_text()) == {
        "id": trace_id(30),
        "created_at": "2026-01-01T00:30:00+00:00",
        "reason": reason,
    }


def test_a_store_that_cannot_be_opened_is_named_without_its_password(
    shared: Path, database: Callable[[str], str], require_password: Callable[[str, str], str]
) -> None:
    locked = require_password(database("json"), "right-one")
    cases = {
        "postgres//nowhere": "TRACES_DATABASE_URL: not a database URL; expected postgresql://user:password@host",
        "mysql://me:hunter2@host/db": "TRACES_DATABASE_URL: mysql is not read",
        "sqlite:///not-there.db": "not-there.db: no such SQLite file; check TRACES_DATABASE_URL",
        "postgresql://me:hunter2@127.0.0.1:1/db": "postgresql://me:***@127.0.0.1:1/db: connection failed",
        locked.replace("right-one", "hunter2"): 'password authentication failed for user "locked"',
        database(""): "no table `traces`; name another database in TRACES_DATABASE_URL",
    }
    for url, says in cases.items():
        line = refusal(shared, "dvc", "repro", "-f", "-s", "extract_traces", TRACES_DATABASE_URL=url)
        assert says in line
        assert "hunter2" not in line
        status = run(shared, "traces", "status", code=1, TRACES_DATABASE_URL=url)
        assert says in status.err
        assert len(status.err.splitlines()) == 1
        assert "hunter2" not in status.text
    with psycopg.connect(locked):
        pass  # the right password does open it


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_an_edited_export_stops_at_the_gate_also_where_only_the_gate_runs(repository: Path) -> None:
    shard = min((repository / "data/export/tunix_sft").glob("train-*"))
    edit(shard, "Answer: reveal", "Answer: fold")
    line = refusal(repository, "dvc", "repro", "-f", "-s", "validate")
    assert line.startswith("validate: 5 faults, named above and in reports/validation.json")
    assert (
        not (repository / "reports/validation.json").exists()
        or not json.loads((repository / "reports/validation.json").read_text())["valid"]
    )
    # A plain `dvc repro` would make the export anew, and it is what it was.
    run(repository, "git", "checkout", "-q", ".")
    run(repository, "dvc", "repro")
    assert run(repository, "git", "status", "--porcelain").out == ""


def test_an_edited_manifest_stops_at_the_gate(repository: Path) -> None:
    edit(repository / "data/manifest.json", '"selected": 2338', '"selected": 2339')
    done = run(repository, "dvc", "repro", "-f", "-s", "validate", code=None)
    assert done.code != 0
    assert "data/manifest.json: counts.selected: says " in done.text
    assert "data/manifest.json: its md5 is " in done.text
    assert "validate: 2 faults, named above" in done.text


def test_a_recording_cut_off_in_the_middle_is_refused(repository: Path) -> None:
    path = repository / "data/recorded/spades_mini-2000.jsonl.gz"
    path.write_bytes(path.read_bytes()[:20_000])
    line = refusal(repository)
    assert line.startswith("extract_traces: data/recorded/spades_mini-2000.jsonl.gz: cut off or damaged after line ")
    assert line.endswith("fetch or record it again")


def test_two_recordings_with_one_id_are_refused(repository: Path) -> None:
    held = gzip.decompress((repository / "data/recorded/spades_mini-2000.jsonl.gz").read_bytes()).splitlines()
    again = json.loads(held[4])
    write_jsonl(repository / "data/recorded/more.jsonl.gz", [row(1), again])
    line = refusal(repository)
    assert line == (
        f"extract_traces: data/recorded/spades_mini-2000.jsonl.gz, line 5: id {again['id']} is in "
        "data/recorded/more.jsonl.gz too; remove one of the two"
    )


def test_a_stage_run_by_another_python_says_which_to_take(repository: Path) -> None:
    import sys

    other = Path(sys.base_prefix) / "bin/python3"
    done = run(repository, str(other), "-m", "stages.select", code=1)
    assert done.err == (
        f"stages: {other} lacks the project's packages; `source .venv/bin/activate` (or `make repro`)\n"
    )
