"""`traces takedown`: its output is true, and following its steps removes the trace everywhere."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from commands.holders import Holding, Sought, find_holdings
from commands.places import say_unread
from commands.removal.advice import advise
from commands.removal.listing import as_listed
from commands.removal.purge import purge_holdings
from commands.versions import Version, all_versions, remembered_runs
from stages.addresses.objects import Objects
from stages.runtime.partitioned import TRACES_SCHEMA, read_rows, write_partition
from tests.support.s3 import CREDENTIALS, S3Server
from tests.support.samples import pair_rows, payload, trace_id, write_jsonl
from tests.support.shell import commit, run
from traces.errors import TracesError

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


def test_a_trace_is_gone_from_cache_and_remotes(
    repository: Path, tmp_path: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, cache = tmp_path / "remote", repository / ".dvc/cache"
    bucket = s3.make_bucket("takedown")
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    write_jsonl(repository / "data/recorded/sums.jsonl.gz", pair_rows())
    run(repository, "traces", "pin")
    params = repository / "params.yaml"
    for formats in ("trace, tunix_sft", "trace, tunix_sft, tunix_dpo"):  # two versions that hold the trace
        params.write_text(re.sub(r"  formats: .*", f"  formats: [{formats}]", params.read_text()))
        run(repository, "dvc", "repro", "-q", "validate")
        commit(repository, formats)
    run(repository, "git", "tag", "-a", "v1.0.0", "-m", "released")
    run(repository, "dvc", "remote", "add", "-d", "--local", "store", str(remote))
    run(repository, "dvc", "remote", "add", "--local", "bucket", f"s3://{bucket}/data")
    run(repository, "dvc", "remote", "modify", "--local", "bucket", "endpointurl", s3.endpoint)
    for name in ("store", "bucket"):
        run(repository, "dvc", "push", "-q", "-r", name)

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
    assert re.search(r"^held by 2 versions: v1.0.0 = main, [0-9a-f]{12}$", said, re.MULTILINE), said
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
    removed = r"(\d+) files removed, and \d+ listings that named them"
    ((store, other),) = re.findall(
        f"^remote store: {removed}\nremote bucket: {removed}\nDVC's cache: ", said, re.MULTILINE
    )
    assert store == other, said
    assert "remote s3: has no address yet, so nothing to remove\n" in said
    assert holding(remote, gone) == holding(cache, gone) == holding(s3.download(bucket, tmp_path / "held"), gone) == []
    assert not pair_records[0].exists()
    assert holding(repository / "data", gone) == [repository / "data/exclusions.csv"]
    assert not (repository / ".cache/memo").exists()
    # What was purged is not here, and nobody can look into it again: that is no fault of what is.
    again = run(repository, "traces", "takedown", gone, "--purge", "--yes").out
    assert (
        "no version that was looked into holds it\nnot all in DVC's cache, so nobody looked at that: 2 versions"
        in again
    )
    assert "`dvc fetch --all-commits` brings what a remote has, unless it was purged; then ask again" in again
    done = run(repository, "traces", "verify", "--rev", "v1.0.0", "--quick", code=1)
    assert (
        "data/traces: neither in the workspace nor in DVC's cache; `dvc fetch --all-commits` brings it, where a"
        in done.out
    )

    # All other files are whole: another clone pulls the present version, and verifies it.
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
    assert "not all in DVC's cache, so nobody looked at that: 1 version, " in done.out


def keep_in_cache(cache: Path, content: bytes) -> str:
    """Put a file into a cache; its md5."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    path = Objects(cache).path(md5)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return md5


def keep_folder(cache: Path, files: dict[str, bytes]) -> str:
    """Put a folder into a cache; the md5 of its listing."""
    listing = [{"md5": keep_in_cache(cache, content), "relpath": name} for name, content in files.items()]
    data = json.dumps(listing).encode()
    md5 = keep_in_cache(cache, data)
    path = Objects(cache).path(md5)
    path.rename(path.with_name(f"{path.name}.dir"))
    return f"{md5}.dir"


SAYS = "0" * 64


def version(cache: Path, tmp_path: Path, traces: list[str]) -> Version:
    """A version with one partition, its records in train and test, the first quoted by the last; one set aside."""
    path = tmp_path / "p.parquet"
    rows = [(trace, n, "1.0", "", [], "", "null", SAYS, None, 0, 0) for n, trace in enumerate(traces)]
    write_partition(path, TRACES_SCHEMA, rows)
    first, last = traces[0], traces[-1]
    outs = {
        "data/traces": {"p.parquet": path.read_bytes()},
        "data/export/trace": {
            "train-p.jsonl": f'{{"id":"{first}"}}\n'.encode(),
            "test-p.jsonl": f'{{"id":"{last}","prompts":"see {first}","metadata":{{"id":"{first}"}}}}\n'.encode(),
        },
        "data/trace_ids": {"p.txt": "".join(f"{trace}\n" for trace in traces).encode()},
        "data/quarantine": {
            "p.jsonl": f'{{"id":"{trace_id(9)}","reason":"no JSON"}}\n'.encode(),
            "reasons.json": b"{}",
        },
    }
    items = [{"path": path, "md5": keep_folder(cache, files)} for path, files in outs.items()]
    return Version("c0ffee", (), {"all": {"outs": items}})


def names(found: list[Holding]) -> set[str]:
    return {name for held in found for name in held.files}


def test_only_what_is_its_own_is_removed_and_what_is_left_of_a_purge_is_found(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first, last = trace_id(1), trace_id(2)
    held = version(cache, tmp_path, [first, last])

    def find(**sought: set[str]) -> list[Holding]:
        ids, contents = (frozenset(sought.get(kind, ())) for kind in ("ids", "contents"))
        return list(find_holdings([held], Objects(cache), Sought(ids, contents)))

    own = {"data/traces/p.parquet", "data/export/trace/train-p.jsonl", "data/trace_ids/p.txt"}
    found = find(ids={first})
    assert names(found) == own  # and not the record that quotes it
    assert found[0].unread == []
    assert names(find(contents={SAYS})) == own | {"data/export/trace/test-p.jsonl"}
    assert names(find(ids={trace_id(9)})) == {"data/quarantine/p.jsonl"}

    Objects(cache).path(found[0].files["data/traces/p.parquet"]).unlink()
    Objects(cache).path(found[0].files["data/trace_ids/p.txt"]).unlink()
    found = find(ids={last})
    assert names(found) == {"data/export/trace/test-p.jsonl"}
    assert found[0].unread == ["data/traces/p.parquet", "data/trace_ids/p.txt"]


def test_what_is_here_of_a_version_is_looked_into_though_its_traces_are_not(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first, last = trace_id(1), trace_id(2)
    held = version(cache, tmp_path, [first, last])
    for listed in (True, False):
        md5 = held.outputs["data/traces"]
        gone = Objects(cache).path((Objects(cache).listing(md5) or {})["p.parquet"] if listed else md5)
        gone.unlink()
        (found,) = find_holdings([held], Objects(cache), Sought(frozenset([first]), frozenset()))
        assert names([found]) == {"data/export/trace/train-p.jsonl", "data/trace_ids/p.txt"}
        assert (found.unread, found.unjudged) == (["data/traces/p.parquet"] if listed else ["data/traces"], [])
        # By what it says nobody can tell, and that is said.
        (found,) = find_holdings([held], Objects(cache), Sought(frozenset(), frozenset([SAYS])))
        assert names([found]) == set()
        assert {"data/export/trace/train-p.jsonl", "data/trace_ids/p.txt"} <= set(found.unjudged)
        assert "name the trace by its id" in [*say_unread([found])][-1]


def test_the_line_of_one_that_was_screened_out_is_its_own(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    held = version(cache, tmp_path, [trace_id(1), trace_id(2)])
    aside = {"set_aside.jsonl": f'{{"id":"{trace_id(1)}","fate":"sensitive","found":[]}}\n'.encode()}
    assert held.entries is not None
    held.entries["all"]["outs"].append({"path": "data/selection", "md5": keep_folder(cache, aside)})
    for number in (1, 2):
        (found,) = find_holdings([held], Objects(cache), Sought(frozenset([trace_id(number)]), frozenset()))
        assert ("data/selection/set_aside.jsonl" in found.files) == (number == 1)


@pytest.mark.parametrize("data", [b"{}x", b'{"a": 1}', b'[{"relpath": "x", "md5": "../../../home/user/x"}]'])
def test_a_listing_that_dvc_did_not_write_is_damaged(tmp_path: Path, data: bytes) -> None:
    md5 = keep_in_cache(tmp_path, data)
    path = Objects(tmp_path).path(md5)
    path.rename(path.with_name(f"{path.name}.dir"))
    with pytest.raises(TracesError, match="damaged; remove it"):
        Objects(tmp_path).listing(f"{md5}.dir")


def test_a_lock_that_nobody_can_read_is_named_and_an_amended_one_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(tmp_path, "git", "init", "-q", "-b", "main")
    out = "    - path: data/traces\n      hash: md5\n      md5: {}.dir\n      size: 1\n"
    locks = ["schema: '2.0'\nstages:\n  a:\n    cmd: a\n    outs:\n" + out.format(digit * 32) for digit in "123"]
    Path("dvc.lock").write_text(locks[0])
    commit(tmp_path, "one")
    Path("dvc.lock").write_text(f"<<<<<<< HEAD\n{locks[0]}=======\n")
    commit(tmp_path, "a conflict")
    Path("dvc.lock").write_text(locks[1])
    run(tmp_path, "git", "add", "-A")
    run(tmp_path, "git", "commit", "-q", "--amend", "-m", "two")
    runs = tmp_path / "cache/runs"
    for name, lock in {"ab/abc/1": locks[1], "cd/cde/2": locks[2]}.items():
        (runs / name).parent.mkdir(parents=True)
        (runs / name).write_text(lock.partition("  a:\n")[2].replace("    ", "", 1).replace("\n    ", "\n"))
    versions = all_versions()
    assert sorted(str(held.outputs.get("data/traces"))[0] for held in versions) == ["1", "2", "N"]
    assert [held.entries for held in versions].count(None) == 1
    (left,) = remembered_runs(versions, Objects(tmp_path / "cache"))
    assert left.outputs == {"data/traces": f"{'3' * 32}.dir"}
    (found,) = find_holdings([left], Objects(tmp_path / "cache"), Sought(frozenset(), frozenset()))
    assert found.unread == []
    (said,) = say_unread([Holding(held, unread=["dvc.lock"]) for held in versions if held.entries is None])
    assert said.startswith("dvc.lock is not as DVC writes it, so nobody looked: 1 version, ")


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("remote", "remote off: nothing is there, or it cannot be reached; mend that, or `dvc remote remove` it"),
        ("http://user:s3cret@127.0.0.1:9/x", "remote off: DVC cannot remove files there; do that by its own means"),
        ("s3://user:s3cret@bucket/x", "remote off: "),
    ],
)
def test_a_remote_that_cannot_be_reached_keeps_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    run(tmp_path, "git", "init", "-q", "-b", "main")
    run(tmp_path, "dvc", "init", "-q")
    held = version(tmp_path / ".dvc/cache", tmp_path, [trace_id(1), trace_id(2)])
    holdings = list(
        find_holdings([held], Objects(tmp_path / ".dvc/cache"), Sought(frozenset([trace_id(1)]), frozenset()))
    )
    run(tmp_path, "dvc", "remote", "add", "-q", "--local", "off", where)
    with pytest.raises(TracesError, match=re.escape(says)) as caught:
        list(purge_holdings(holdings, Objects(tmp_path / ".dvc/cache"), ask=False))
    assert "s3cret" not in str(caught.value)
    assert len(holding(tmp_path / ".dvc/cache", trace_id(1))) == 4
    run(tmp_path, "dvc", "remote", "remove", "-q", "--local", "off")
    done = list(purge_holdings(holdings, Objects(tmp_path / ".dvc/cache"), ask=False))
    assert done == ["DVC's cache: 3 files removed, and 3 listings that named them"]


def test_a_purge_is_not_done_while_a_remote_has_what_nobody_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(tmp_path, "git", "init", "-q", "-b", "main")
    run(tmp_path, "dvc", "init", "-q")
    run(tmp_path, "dvc", "remote", "add", "-q", "--local", "store", str(tmp_path / "remote"))
    objects, there = Objects(tmp_path / ".dvc/cache"), Objects(tmp_path / "remote")
    held = version(there.folder, tmp_path, [trace_id(1), trace_id(2)])
    wanted = Sought(frozenset([trace_id(1)]), frozenset())

    def purge() -> list[str]:
        return list(purge_holdings(list(find_holdings([held], objects, wanted)), objects, ask=False))

    for name in ("listing and all", "one partition"):
        if name == "one partition":
            shutil.copytree(there.folder, objects.folder, dirs_exist_ok=True)
            listing = objects.listing(held.outputs["data/traces"]) or {}
            objects.path(listing["p.parquet"]).unlink()
            for folder in ("data/export/trace", "data/trace_ids"):  # else these are found by the id, and removed
                objects.path(held.outputs[folder]).unlink()
        with pytest.raises(TracesError, match=r"^remote store has files of 1 version \(c0ffee\) that are not in DVC's"):
            purge()
        assert len(holding(there.folder, trace_id(1))) == 4
    shutil.copytree(there.folder, objects.folder, dirs_exist_ok=True)
    assert purge()[-1] == "DVC's cache: 3 files removed, and 3 listings that named them"
    assert purge() == ["no version that was looked into holds it"]
    assert holding(there.folder, trace_id(1)) == holding(there.folder, f'"see {trace_id(1)}')


def test_what_is_pinned_or_set_aside_is_named_in_the_recordings(workspace: Path) -> None:
    run(workspace, "git", "init", "-q")
    row = {"id": trace_id(1), "created_at": "2026-01-01T00:00:00Z", "trace_version": "1.0", "payload": payload(1)}
    Path("data/recorded/a.jsonl.gz").write_bytes(gzip.compress(json.dumps(row).encode() + b"\n", mtime=0))
    (none, place) = advise([], [trace_id(1)], frozenset([trace_id(1)]))
    assert none == "no version that was looked into holds it"
    assert place.startswith("     data/recorded/a.jsonl.gz, line 1 has it")
    assert as_listed(f"SHA256:{'A' * 64}") == f"sha256:{'a' * 64}"


def test_the_card_that_shows_a_trace_is_named(built: Path, tmp_path: Path) -> None:
    """Git keeps it, and no purge takes it out of there."""
    run(tmp_path, "git", "clone", "-q", str(built), "clone")
    clone = tmp_path / "clone"
    run(clone, "dvc", "cache", "dir", "--local", str(built / ".dvc/cache"))
    (shown,) = re.findall(r'^  "id": "(.*)",$', (clone / "data/export/README.md").read_text(), re.MULTILINE)
    done = run(clone, "traces", "takedown", shown, "--reason", REASON)
    assert "     data/export/README.md, as it is or once was, has it, and so has Git's history" in done.out
