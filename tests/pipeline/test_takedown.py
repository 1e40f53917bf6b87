"""`traces takedown`: what it says is so, and who follows it is rid of the trace."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pyarrow.parquet as pq

from stages.partitioned import read_rows
from tests.support.samples import trace_id
from tests.support.shell import commit, run

REASON = "asked for by its author"


def holding(folder: Path, needle: str) -> list[Path]:
    """The files below a folder that hold a text: as they are, or in a column of Parquet."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        if needle.encode() in data or (data[:4] == b"PAR1" and needle in str(pq.read_table(path).to_pylist())):
            found.append(path)
    return found


def without_line(path: Path, needle: str) -> None:
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(line for line in lines if needle.encode() not in line), mtime=0))


def test_a_trace_is_gone_from_cache_and_remote(repository: Path, tmp_path: Path) -> None:
    remote, cache = tmp_path / "remote", repository / ".dvc/cache"
    params = repository / "params.yaml"
    text = re.sub(r"  formats: .*", "  formats: [trace, tunix_sft, tunix_dpo]", params.read_text())
    params.write_text(text.replace("parquet: false", "parquet: true"))
    run(repository, "dvc", "repro", "-q", "validate")
    commit(repository, "with pairs")
    run(repository, "git", "tag", "-a", "v1.0.0", "-m", "released")
    run(repository, "dvc", "remote", "add", "-d", "--local", "store", str(remote))
    run(repository, "dvc", "push", "-q")

    # One that was rejected: its text is also in the record of another trace.
    (pairs,) = (repository / "data/pairs").glob("*.parquet")
    pair, gone = next(iter(read_rows(pairs, ["id", "rejected_id"])))
    before = holding(remote, gone)
    assert len(before) >= 9
    pair_records = [path for path in holding(remote, '"rejected_responses":') if pair.encode() in path.read_bytes()]
    assert len(pair_records) == 1
    assert holding(cache, gone)

    said = run(repository, "traces", "takedown", gone, "--reason", REASON, "--date", "2026-11-20").out
    assert f"{gone} added to data/exclusions.csv\n" in said
    assert re.search(r"^held by 2 versions: v1.0.0, [0-9a-f]{12}$", said, re.MULTILINE), said
    (recording,) = re.findall(r"(data/recorded/\S+), line \d+ has it, and so has Git's history", said)
    done = run(repository, "traces", "takedown", gone, "--purge", "--yes", code=1)
    assert "traces: the dataset in the workspace still holds it, in data/export/" in done.err
    assert holding(remote, gone) == before

    without_line(repository / recording, gone)
    run(repository, "traces", "pin")
    run(repository, "dvc", "repro", "-q", "validate")
    commit(repository, f"{gone} taken down")
    said = run(repository, "traces", "takedown", gone, "--purge", "--yes").out
    assert f"{gone} is on data/exclusions.csv already\n" in said
    assert re.search(r"^remote store: \d+ files removed\nDVC's cache: \d+ files removed$", said, re.MULTILINE), said
    assert holding(remote, gone) == holding(cache, gone) == []
    assert not pair_records[0].exists()
    assert holding(repository / "data", gone) == [repository / "data/exclusions.csv"]
    assert not (repository / ".cache/memo").exists()

    # All else is whole: what is now is pushed, and verified where it is pulled.
    run(repository, "dvc", "push", "-q")
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "-q", str(repository), str(clone))
    run(clone, "dvc", "remote", "add", "-d", "--local", "store", str(remote))
    run(clone, "dvc", "pull", "-q", "--allow-missing")
    run(clone, "traces", "verify", "--quick", "--until", "validate")
    assert holding(remote, pair)


def test_a_trace_that_nobody_has_is_on_the_list_all_the_same(built: Path, tmp_path: Path) -> None:
    run(tmp_path, "git", "clone", "-q", str(built), "clone")
    clone = tmp_path / "clone"
    run(clone, "dvc", "cache", "dir", "--local", str(built / ".dvc/cache"))
    done = run(
        clone, "traces", "takedown", f"sha256:{'0' * 64}", "--reason", 'a "quoted",\nreason', "--date", "2026-11-20"
    )
    assert done.out.splitlines()[-1] == "no version that was looked into holds it"
    listed = (clone / "data/exclusions.csv").read_text()
    assert listed.splitlines()[-1] == f'sha256:{"0" * 64},"a ""quoted"", reason",2026-11-20'


def test_without_the_objects_it_says_that_nobody_looked(built: Path, tmp_path: Path) -> None:
    run(tmp_path, "git", "clone", "-q", str(built), "clone")
    done = run(tmp_path / "clone", "traces", "takedown", trace_id(1), "--reason", REASON, code=1)
    assert "not all in DVC's cache, so nobody looked: 1 version, " in done.out


def test_the_card_that_shows_a_trace_is_named(built: Path, tmp_path: Path) -> None:
    """Git keeps it, and no purge takes it out of there."""
    run(tmp_path, "git", "clone", "-q", str(built), "clone")
    clone = tmp_path / "clone"
    run(clone, "dvc", "cache", "dir", "--local", str(built / ".dvc/cache"))
    (shown,) = re.findall(r'^  "id": "(.*)",$', (clone / "data/export/README.md").read_text(), re.MULTILINE)
    done = run(clone, "traces", "takedown", shown, "--reason", REASON)
    assert "     data/export/README.md, as it is or once was, has it, and so has Git's history" in done.out
