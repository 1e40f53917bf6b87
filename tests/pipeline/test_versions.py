"""Versions of a dataset, compared and looked through: `traces diff`, `traces where`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from commands.versions import Version
from stages.addresses.lock import read_lock
from tests.support.samples import trace_id
from tests.support.shell import commit, run


@pytest.fixture(scope="module")
def versions(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with the tag v1.0.0, an experiment `spades`, and in the workspace a system prompt. Not to be changed."""
    folder = tmp_path_factory.mktemp("versions") / "project"
    run(built, "git", "clone", "-q", ".", str(folder))
    shutil.copytree(built / ".dvc/cache", folder / ".dvc/cache")  # what is built here is nobody else's
    run(folder, "dvc", "checkout", "-q")
    run(folder, "git", "tag", "-a", "v1.0.0", "-m", "released")
    run(folder, "dvc", "exp", "run", "-q", "manifest", "--name", "spades", "-S", "filters.game=spades_mini")
    run(folder, "git", "checkout", "-q", ".")
    run(folder, "dvc", "checkout", "-q")
    params = folder / "params.yaml"
    params.write_text(params.read_text().replace("system: null", "system: Think."))
    run(folder, "dvc", "repro", "-q", "manifest")
    return folder


def test_a_filter_takes_records_out_and_is_said(versions: Path) -> None:
    found = json.loads(run(versions, "traces", "diff", "v1.0.0", "spades", "--json").out)
    assert found["before"]["name"] == "v1.0.0"
    assert found["reasons"] == ['filters.game: null -> "spades_mini"']
    assert found["totals"] == {"added": 0, "removed": 3 * 1438, "changed": 0, "same": 3 * 900}
    assert {group["game"] for group in found["groups"] if group["removed"]} == {"gin_rummy", "high_card_duel"}
    assert {group["game"] for group in found["groups"] if group["same"]} == {"spades_mini"}
    back = json.loads(run(versions, "traces", "diff", "spades", "v1.0.0", "--json").out)
    assert back["totals"] == {"added": 3 * 1438, "removed": 0, "changed": 0, "same": 3 * 900}
    assert back["after"] == found["before"]
    assert len({found["before"]["dataset_id"], found["after"]["dataset_id"]}) == 2


def test_another_prompt_changes_fields_and_is_said(versions: Path) -> None:
    said = run(versions, "traces", "diff", "v1.0.0").out
    assert 'why\n  render.system: null -> "Think."\n' in said
    assert "fields of tunix_sft that changed: completion_start 2,338, metadata 2,338, prompts 2,338\n" in said
    assert "fields of tunix_grpo that changed: prompts 2,338\n" in said
    rows = {tuple(line.split()[:2]): line.split()[2:] for line in said.splitlines() if " all " in line}
    assert rows["trace", "all"] == ["0", "0", "0", "2,338"]
    assert rows["tunix_sft", "all"] == ["0", "0", "2,338", "0"]
    markdown = run(versions, "traces", "diff", "v1.0.0", "--markdown").out
    assert '- `render.system: null -> "Think."`' in markdown
    assert "| tunix_sft | all |  |  | 0 | 0 | 2,338 | 0 |" in markdown
    listed = run(versions, "traces", "diff", "v1.0.0", "--records").out.splitlines()
    assert len(listed) == 2 * 2338
    assert all(line.startswith("~ ") for line in listed)
    assert sum(line.endswith("  prompts, metadata, completion_start") for line in listed) == 2338


def test_what_is_equal_differs_in_nothing(versions: Path) -> None:
    said = run(versions, "traces", "diff", "v1.0.0", "HEAD").out
    assert "why\n  nothing differs\n" in said
    assert run(versions, "traces", "diff", "v1.0.0", "HEAD", "--records").out == ""


def test_where_names_versions_splits_and_files(versions: Path) -> None:
    shard = next((versions / "data/export/tunix_sft").glob("test-*"))
    lines = [json.loads(line) for line in shard.read_text().splitlines()]
    duel = next(line["id"] for line in lines if line["metadata"]["game"] == "high_card_duel")
    found = json.loads(run(versions, "traces", "where", duel, "--json").out)
    held = {item["version"]: item for item in found}
    assert held["v1.0.0"]["splits"] == held["workspace"]["splits"] == ["test"]
    assert f"data/export/tunix_sft/{shard.name}" in held["v1.0.0"]["files"]
    (spades,) = (item for item in found if item["version"] not in ("v1.0.0", "workspace"))
    assert spades["splits"] == []
    assert {Path(path).parts[1] for path in spades["files"]} == {"traces"}
    said = run(versions, "traces", "where", duel.upper()).out
    assert f"  test  (v1.0.0 = main)\n  data/export/parquet/trace/{shard.stem}.parquet\n" in said
    assert "  not selected  (spades = " in said
    assert spades["refs"] == ["spades"]
    assert held["v1.0.0"]["refs"] == ["main"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["diff", ""], 2, "an empty name of a version: an unset variable? Name a commit, tag, branch or experiment"),
        (
            ["verify", "--rev", " "],
            2,
            "an empty name of a version: an unset variable? Name a commit, tag, branch or experiment",
        ),
        (["diff", "v9"], 2, "v9: no commit, tag, branch or experiment here"),
        (["diff", "v1.0.0", "--json", "--records"], 2, "--records, --markdown and --json: choose one"),
        (["where", "x"], 2, "x: neither a trace id nor sha256: and 64 hex digits"),
    ],
)
def test_wrong_use_is_one_line(versions: Path, arguments: list[str], code: int, says: str) -> None:
    done = run(versions, "traces", *arguments, code=code)
    assert done.err == f"traces: {says}\n"


def test_a_trace_that_is_nowhere_ends_with_1(versions: Path) -> None:
    assert run(versions, "traces", "where", trace_id(1), code=1).out == "no version that was looked into holds it\n"


def test_a_trace_that_was_found_ends_with_0_though_old_versions_are_not_here(built: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "-q", str(built), str(clone))
    run(clone, "dvc", "cache", "dir", "--local", str(built / ".dvc/cache"))
    one = (built / "dvc.lock").read_text()
    md5 = next(
        md5 for path, md5 in Version("", (), read_lock(built / "dvc.lock")).outputs.items() if path == "data/traces"
    )
    (clone / "dvc.lock").write_text(one.replace(md5, f"{'0' * 32}.dir"))
    commit(clone, "of a cache that nobody has")
    (clone / "dvc.lock").write_text(one)
    commit(clone, "back")
    (held,) = json.loads(run(clone, "traces", "where", trace_id(1), "--json", code=1).out)
    assert held["unread"] == ["data/traces"]
    found = next((built / "data/trace_ids").iterdir()).read_text().split()[0]
    done = run(clone, "traces", "where", found)
    assert "  (main = " in done.out
    assert "not all in DVC's cache, so nobody looked at that: 1 version, " in done.out


def test_without_its_files_a_version_is_no_version_to_compare(built: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "-q", str(built), str(clone))
    done = run(clone, "traces", "diff", "HEAD", "HEAD", code=1)
    assert "data/export/trace of " in done.err
    assert "not in DVC's cache; `dvc fetch --all-commits` brings it" in done.err
    (clone / "dvc.lock").unlink()
    commit(clone, "without a lock")
    done = run(clone, "traces", "diff", "HEAD", code=1)
    assert done.err == "traces: HEAD: has no dvc.lock, or none that DVC wrote; `dvc repro` makes a dataset\n"
