"""S3 as a team uses it: a real server, clones that share nothing else, and a store that only one of them has."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from commands.verification.pipeline import uncached
from commands.versions import find_version
from stages.addresses.objects import Objects
from stages.yaml_file import read_yaml
from tests.support.remote_demo import demo
from tests.support.s3 import CREDENTIALS, S3Server, use_bucket
from tests.support.samples import stored, write_sqlite
from tests.support.shell import BIN, ROOT, Done, commit, copy_repository, environment, forget_code, replace, run

ROWS, NEW = 600, 6
KEPT_BY_GIT = uncached(read_yaml(ROOT / "dvc.yaml")["stages"])
CUT_OFF = "Could not connect to the endpoint URL"
NO_KEY = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}
WRONG_KEYS = ({"AWS_ACCESS_KEY_ID": "nobody-s-key"}, {"AWS_SECRET_ACCESS_KEY": "wrong"}, NO_KEY)
WAYS = ("jobs", "connect_timeout", "read_timeout")


@dataclass(frozen=True)
class Team:
    """Who has the store: a repository with two versions, both pushed, the second with one trace in a hundred more."""

    repository: Path
    bucket: str
    first: dict[str, int]  # what lay in the bucket when the first version was pushed
    second: dict[str, int]


def clone(source: Path, target: Path, server: S3Server, bucket: str) -> Path:
    run(source, "git", "clone", "-q", ".", str(target))
    return use_bucket(target, server, bucket)


def dvc(folder: Path, *arguments: str, code: int | None = 0, **changes: str) -> Done:
    """A DVC command with the keys in its environment."""
    return run(folder, "dvc", *arguments, code=code, **CREDENTIALS | changes)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, s3: S3Server) -> Team:
    """Not to be changed; what is pushed to other buckets is fine."""
    folder = tmp_path_factory.mktemp("team")
    (folder / "project").mkdir()
    repository = use_bucket(copy_repository(folder / "project"), s3, bucket := s3.make_bucket("team"))
    forget_code(repository)
    replace(repository / "params.yaml", "partition_rows: 20480", "partition_rows: 32")
    held = []
    for numbers in (range(ROWS), range(ROWS, ROWS + NEW)):
        url = write_sqlite(folder / "store.db", map(stored, numbers))
        settings = {"TRACES_DATABASE_URL": url, "TRACES_WORKERS": "1"}
        run(repository, "traces", "pin", "--settle", "0", **settings)
        run(repository, "dvc", "repro", "-q", "validate", **settings)
        commit(repository, f"{numbers.stop} traces")
        dvc(repository, "push", "-q", "--run-cache")
        held.append(s3.objects(bucket))
    return Team(repository, bucket, *held)


def needed(repository: Path, revision: str, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The objects that a version is made of, as its lock and the listings in the cache have them."""
    monkeypatch.chdir(repository)
    objects = Objects(repository / ".dvc/cache")
    outs = {md5 for path, md5 in find_version(revision).outputs.items() if path not in KEPT_BY_GIT}
    folders = [md5 for md5 in outs if md5.endswith(".dir")]
    return outs | {md5 for folder in folders for md5 in (objects.listing(folder) or {}).values()}


def fetched(repository: Path) -> set[str]:
    """The objects in a cache."""
    found = (repository / ".dvc/cache/files/md5").glob("??/*")
    return {path.parent.name + path.name for path in found}


def test_the_remote_that_it_comes_with_is_empty_handed_and_asked_nothing(team: Team, tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    run(team.repository, "git", "clone", "-q", ".", str(folder))
    config = (folder / ".dvc/config").read_text()
    assert re.findall(r"url = (.*)", config) == ["s3://<your-bucket>/trace-datasets"]
    assert all(re.search(rf"^    {name} = \d+$", config, re.MULTILINE) for name in WAYS)
    assert not re.search("key|secret|token|profile", re.sub(r"#.*", "", config))
    assert run(folder, "dvc", "config", "core.remote", code=None).out == ""


def test_another_clone_pulls_the_same_and_the_gate_runs_on_what_came(
    team: Team, s3: S3Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    demo(team.repository, s3, tmp_path)
    said = capfd.readouterr().out
    assert "Cache and remote 's3' are in sync." in said
    assert "has the hashes of dvc.lock and the manifest; nothing was rebuilt" in said
    assert said.count("Running stage") == said.count("Running stage 'validate'") == 1
    other = tmp_path / "two"
    for folder in ("data/traces", "data/export/trace", "data/export/tunix_sft", "data/trace_ids"):
        here, there = (sorted((root / folder).iterdir()) for root in (other, team.repository))
        assert [(path.name, path.read_bytes()) for path in here] == [(path.name, path.read_bytes()) for path in there]
    assert run(other, "git", "status", "--porcelain").out == ""


def test_one_trace_in_a_hundred_more_pushes_what_changed(team: Team) -> None:
    pushed = {key: size for key, size in team.second.items() if key not in team.first}
    assert team.first.items() <= team.second.items()  # nothing there is written anew
    shards = [key for key in pushed if "/files/md5/" in key and not key.endswith(".dir")]
    listings = [key for key in pushed if key.endswith(".dir")]
    # The last partition, or that and a new one, in each folder; in three of them it is cut by split.
    assert 8 <= len(shards) <= 2 * 14
    assert len(listings) == 8
    assert sum(pushed[key] for key in shards) < 0.06 * sum(team.first.values())
    assert sum(pushed.values()) < 0.15 * sum(team.first.values())


def test_without_the_store_a_clone_without_cache_fetches_what_it_needs_and_no_more(
    team: Team, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    third = clone(team.repository, tmp_path / "third", s3, team.bucket)
    dvc(third, "repro", "--pull", "--allow-missing", "validate")
    assert fetched(third) == set()  # nothing has changed, so nothing is needed

    # Back to the pin before: only who has the store could extract, but the run was pushed.
    run(third, "git", "checkout", "-q", "HEAD~1", "--", "data/snapshot.json")
    done = dvc(third, "repro", "--pull", "--allow-missing", "validate")
    for stage in ("extract_traces", "select", "export"):
        assert f"Stage '{stage}' is cached - skipping run, checking out outputs" in done.out
    assert run(third, "git", "diff", "HEAD~1", "--stat").out == ""
    older, newer = (needed(team.repository, revision, monkeypatch) for revision in ("HEAD~1", "HEAD"))
    made_here = {md5 for path, md5 in find_version("HEAD~1").outputs.items() if path in KEPT_BY_GIT}
    assert fetched(third) - made_here == older
    assert 0 < len(newer - older) < len(older) / 4


def test_what_is_wrong_is_said_as_the_docs_quote_it(team: Team, s3: S3Server, tmp_path: Path) -> None:
    folder = clone(team.repository, tmp_path / "clone", s3, team.bucket)
    said = [dvc(folder, "pull", "data/trace_ids", code=1, **wrong).err for wrong in WRONG_KEYS]
    use_bucket(folder, s3, "no-such-bucket")
    said.append(dvc(folder, "pull", code=255).err)
    use_bucket(folder, s3, s3.make_bucket("empty"))
    said.append(dvc(folder, "pull", "data/trace_ids", code=1).err)
    (folder / ".dvc/config.local").unlink()
    said += [dvc(folder, "push", *named, code=None).err for named in ((), ("-r", "s3"))]
    page = (ROOT / "docs/remotes.md").read_text().partition("\n## When it fails\n")[2]
    quoted = re.findall(r"^\| `(.+?)` \|", page, re.MULTILINE)
    assert CUT_OFF in quoted
    assert [words for words in quoted if not any(words in text for text in said)] == [CUT_OFF]
    assert all(any(words in text for words in quoted) for text in said)


def test_a_push_that_the_server_s_end_cut_off_is_completed_by_the_next(
    team: Team, s3: S3Server, tmp_path: Path
) -> None:
    pusher = clone(team.repository, tmp_path / "pusher", s3, bucket := s3.make_bucket("cut-off"))
    run(pusher, "dvc", "cache", "dir", "--local", str(team.repository / ".dvc/cache"))
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen(
            [BIN / "dvc", "push", "--jobs", "1"],
            cwd=pusher,
            env=environment(**CREDENTIALS, AWS_MAX_ATTEMPTS="1"),  # the AWS library's own, so that it gives up at once
            stdout=said,
            stderr=said,
        )
    while not (held := s3.objects(bucket)) and process.poll() is None:
        time.sleep(0.01)
    s3.stop()
    code = process.wait(timeout=120)
    s3.start()
    assert held
    assert code != 0
    assert CUT_OFF in (tmp_path / "said").read_text()
    assert len(s3.objects(bucket)) < len(team.first)
    dvc(pusher, "push")
    assert "in sync" in dvc(pusher, "status", "-c").out
