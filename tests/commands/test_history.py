"""Commands that answer for all versions say which part of the history a clone lacks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from commands.history import missing_parts
from commands.versions import all_versions, find_version
from tests.support.samples import trace_id
from tests.support.shell import commit, lay_out, run
from traces.errors import TracesError

WHERE = ("traces", "where", trace_id(1))
PURGE = ("traces", "takedown", trace_id(1), "--reason", "asked for", "--purge", "--yes")
LOCK = """\
schema: '2.0'
stages:
  extract_traces:
    cmd: make
    outs:
    - path: data/traces
      hash: md5
      md5: {}.dir
      size: 1
"""


def project(folder: Path) -> Path:
    """A repository of datasets with three commits, each with another dvc.lock, that nobody has built."""
    lay_out(folder)
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, "dvc", "init", "-q", code=None if (folder / ".dvc").exists() else 0)
    for digit in "123":
        (folder / "dvc.lock").write_text(LOCK.format(digit * 32))
        commit(folder, f"version {digit}")
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`project` with a second branch and a tag beside both. Not to be changed."""
    folder = project(tmp_path_factory.mktemp("source") / "project")
    run(folder, "git", "branch", "other")
    return folder


def clone(source: Path, target: Path, *options: str) -> Path:
    run(source, "git", "clone", "-q", *options, f"file://{source}", str(target))
    return target


def narrow(folder: Path) -> None:
    run(folder, "git", "config", "remote.origin.fetch", "+refs/heads/ma*:refs/remotes/origin/ma*")


def exclude(folder: Path) -> None:
    run(folder, "git", "config", "--add", "remote.origin.fetch", "^refs/heads/other")


def no_fetch(folder: Path) -> None:
    run(folder, "git", "config", "--unset-all", "remote.origin.fetch")


def no_tags(folder: Path) -> None:
    run(folder, "git", "config", "remote.origin.tagOpt", "--no-tags")


def another(folder: Path) -> None:
    run(folder, "git", "remote", "add", "their.fork", "https://example.invalid/fork")


def graft(folder: Path) -> None:
    head = run(folder, "git", "rev-parse", "HEAD").out
    (folder / ".git/info").mkdir(exist_ok=True)
    (folder / ".git/info/grafts").write_text(head)


def mirror(folder: Path) -> None:
    run(folder, "git", "config", "remote.origin.fetch", "+refs/*:refs/*")


def nothing(_folder: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("options", "change", "says"),
    [
        ((), nothing, []),
        ((), mirror, []),
        (("--depth", "1", "--no-single-branch"), nothing, ["this clone is shallow, so older commits are not here: "]),
        (("--single-branch",), nothing, ["of the branches of remote origin only these are fetched: main; "]),
        ((), narrow, ["of the branches of remote origin only these are fetched: ma*; "]),
        ((), exclude, ["of the branches of remote origin only these are fetched: *, ^refs/heads/other; "]),
        ((), no_fetch, ["of the branches of remote origin only these are fetched: nothing; "]),
        ((), no_tags, ["the tags of remote origin are not fetched: "]),
        ((), another, ["nothing of remote their.fork was ever fetched: `git fetch their.fork`, or "]),
        ((), graft, [".git/info/grafts joins commits that Git cannot tell: "]),
    ],
)
def test_each_part_that_is_missing_is_named(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    change: Callable[[Path], None],
    says: list[str],
) -> None:
    folder = clone(source, tmp_path / "clone", *options)
    change(folder)
    monkeypatch.chdir(folder)
    parts = list(missing_parts())
    assert len(parts) == len(says), parts
    for part, beginning in zip(parts, says, strict=True):
        assert part.startswith(beginning)


def test_the_advice_for_a_single_branch_and_a_shallow_clone_works(source: Path, tmp_path: Path) -> None:
    folder = clone(source, tmp_path / "clone", "--depth", "1")
    done = run(folder, *WHERE, code=1)
    assert done.err.startswith("traces: not every version was looked into: this clone is shallow, so older commits")
    assert len(done.err.splitlines()) == 1
    listed = (folder / "data/exclusions.csv").read_text()
    done = run(folder, *PURGE, code=1)
    assert done.err.startswith("traces: nothing was purged, since not every version can be looked into: this clone")
    assert (done.out, (folder / "data/exclusions.csv").read_text()) == ("", listed)
    done = run(folder, "traces", "takedown", trace_id(1), "--reason", "asked for", code=1)
    assert "added to data/exclusions.csv" in done.out
    assert "`git fetch --unshallow` brings them; of the branches of remote origin only these" in done.err
    # A name may be in what is not here.
    done = run(folder, "traces", "diff", "origin/other", code=1)
    assert done.err.startswith("traces: origin/other: no commit, tag, branch or experiment here: this clone is shallow")
    run(folder, "git", "fetch", "-q", "--unshallow")
    advised = run(folder, *WHERE, code=1).err.split("`")[1]
    run(folder, "bash", "-c", advised)
    done = run(folder, *WHERE, code=1)
    assert done.err == ""
    assert "not all in DVC's cache, so nobody looked at that: 3 versions" in done.out


def test_a_purge_asks_each_git_remote_for_what_is_not_here(source: Path, tmp_path: Path) -> None:
    server = tmp_path / "server"
    shutil.copytree(source, server)
    folder = clone(server, tmp_path / "clone")
    listed = (folder / "data/exclusions.csv").read_text()
    (server / "dvc.lock").write_text(LOCK.format("4" * 32))
    commit(server, "a later version")
    run(server, "git", "tag", "-a", "later", "-m", "annotated", "HEAD~1")  # a commit that is here
    run(server, "git", "tag", "-a", "latest", "-m", "annotated")
    head = run(server, "git", "commit-tree", "-m", "an experiment", "HEAD^{tree}").out.strip()
    run(server, "git", "update-ref", f"refs/exps/{head[:2]}/{head[2:]}/spades", head)
    run(server, "git", "update-ref", "refs/pull/1/head", head)
    done = run(folder, *PURGE, code=1)
    assert done.err == (
        "traces: nothing was purged, since not every version can be looked into: remote origin has what is not here: "
        f"{head[:2]}/{head[2:]}/spades, latest, main; "
        "`git fetch origin --tags && dvc exp pull origin --all-commits` brings it\n"
    )
    assert (done.out, (folder / "data/exclusions.csv").read_text()) == ("", listed)
    assert run(folder, *WHERE, code=1).err == ""
    run(folder, "git", "fetch", "-q", "origin", "--tags")
    run(folder, "git", "fetch", "-q", "origin", "refs/exps/*:refs/exps/*")
    # The version in the workspace was never built, which is looked at after the history.
    assert "nobody knows whether the dataset in the workspace still holds it" in run(folder, *PURGE, code=1).err
    shutil.rmtree(server)
    done = run(folder, *PURGE, code=1)
    assert "remote origin does not say what it has (git ls-remote: fatal: " in done.err
    assert len(done.err.splitlines()) == 1


def test_asking_a_remote_for_all_versions_names_what_the_clone_lacks(source: Path, tmp_path: Path) -> None:
    folder = clone(source, tmp_path / "clone", "--depth", "1")
    (tmp_path / "remote").mkdir()
    run(folder, "dvc", "remote", "add", "-q", "--local", "-d", "store", str(tmp_path / "remote"))
    lacks = "traces: not every version was asked for: this clone is shallow"
    assert lacks in run(folder, "traces", "verify", "--remote", "--all-versions", code=1).err
    assert lacks not in run(folder, "traces", "verify", "--remote", code=1).err


def test_a_service_that_would_not_know_every_dataset_does_not_start(source: Path, tmp_path: Path) -> None:
    folder = clone(source, tmp_path / "clone", "--depth", "1")
    done = run(folder, "python", "-m", "service", "--port", "0", code=1)
    assert done.err.startswith("service: the service would not know every dataset: this clone is shallow")


@pytest.mark.parametrize(
    "command",
    [WHERE, PURGE, ("traces", "diff", "HEAD"), ("traces", "verify"), ("python", "-m", "service", "--port", "0")],
)
def test_in_a_folder_of_a_larger_repository_each_refuses_at_once(tmp_path: Path, command: tuple[str, ...]) -> None:
    run(tmp_path, "git", "init", "-q")
    lay_out(tmp_path / "ml")
    done = run(tmp_path / "ml", *command, code=1)
    assert ": the project is in the folder ml/ of a larger Git repository, whose history may have versions" in done.err
    assert len(done.err.splitlines()) == 1


def test_without_git_the_reason_is_git_s(tmp_path: Path) -> None:
    lay_out(tmp_path / "project")
    done = run(tmp_path / "project", *WHERE, code=1, GIT_CEILING_DIRECTORIES=str(tmp_path))
    assert done.err.startswith("traces: git rev-parse: fatal: not a git repository")


def test_before_the_first_commit_there_is_nothing_to_verify(tmp_path: Path) -> None:
    lay_out(tmp_path / "project")
    run(tmp_path / "project", "git", "init", "-q")
    done = run(tmp_path / "project", "traces", "verify", code=1)
    assert done.err.startswith("traces: this repository has no commit yet: ")


def commits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    monkeypatch.chdir(folder)
    return {str(version.outputs["data/traces"])[0] for version in all_versions() if version.entries}


def test_worktrees_detached_heads_submodules_and_sparse_checkouts_have_every_version(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = clone(source, tmp_path / "clone")
    run(folder, "git", "worktree", "add", "-q", "--detach", "../worktree", "HEAD~2")
    run(tmp_path, "git", "init", "-q", "-b", "main", "outer")
    run(tmp_path / "outer", "git", "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(source), "inner")
    run(folder, "git", "sparse-checkout", "set", "data")
    for place in (folder, tmp_path / "worktree", tmp_path / "outer/inner"):
        assert commits(place, monkeypatch) == set("123")
        assert list(missing_parts()) == []


def test_a_replaced_commit_hides_no_version(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = clone(source, tmp_path / "clone")
    run(folder, "git", "replace", "--graft", "HEAD")
    assert run(folder, "git", "log", "--format=%s", "main").out == "version 3\n"
    assert commits(folder, monkeypatch) == set("123")


def test_versions_from_before_the_project_moved_are_found(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = clone(source, tmp_path / "clone")
    run(folder, "git", "checkout", "-q", "-b", "moved")
    for name in ("ml", "other"):
        (folder / name).mkdir()
    run(folder, "git", "mv", "dvc.lock", "ml")
    (folder / "ml/dvc.lock").write_text(LOCK.format("4" * 32))
    (folder / "other/dvc.lock").write_text(LOCK.format("5" * 32).replace("extract_traces", "train"))
    commit(folder, "in a folder, beside another pipeline")
    run(folder, "git", "tag", "v4")
    run(folder, "git", "mv", "ml/dvc.lock", "dvc.lock")
    (folder / "dvc.lock").write_text(LOCK.format("6" * 32))
    commit(folder, "moved back")
    assert commits(folder, monkeypatch) == set("12346")
    assert {version.full_name for version in all_versions() if version.names} == {"v4"}
    assert find_version("v4").outputs == {"data/traces": f"{'4' * 32}.dir"}
    # The same lock at both places, each on the tip of a branch.
    run(folder, "git", "checkout", "-q", "-b", "old-place", "v4")
    (folder / "ml/dvc.lock").write_text(LOCK.format("6" * 32))
    commit(folder, "the latest, at the old place")
    refs = {version.outputs["data/traces"][0]: version.refs for version in all_versions() if version.entries}
    assert refs["6"] == ("moved", "old-place")


def lose_lock(folder: Path) -> None:
    lose(folder, "HEAD~1:dvc.lock")


def lose_tree(folder: Path) -> None:
    lose(folder, "HEAD~1^{tree}")


def lose_commit(folder: Path) -> None:
    lose(folder, "HEAD~1")


def lose(folder: Path, name: str) -> None:
    found = run(folder, "git", "rev-parse", name).out.strip()
    (folder / ".git/objects" / found[:2] / found[2:]).unlink()


@pytest.mark.parametrize("damage", [lose_lock, lose_tree, lose_commit])
def test_an_object_that_git_has_lost_is_no_version_without_a_dataset(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(source, folder)
    damage(folder)
    monkeypatch.chdir(folder)
    with pytest.raises(TracesError, match=r"^git rev-list: (fatal|error): "):
        all_versions()


def test_alternates_that_are_gone_are_an_error(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(source, tmp_path / "lender")
    run(tmp_path, "git", "clone", "-q", "--shared", "lender", "copy")
    shutil.rmtree(tmp_path / "lender")
    monkeypatch.chdir(tmp_path / "copy")
    with pytest.raises(TracesError, match=r"^git rev-list: fatal: "):
        all_versions()


def test_a_partial_clone_fetches_what_it_lacks_and_says_so_if_it_cannot(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = tmp_path / "server"
    shutil.copytree(source, server)
    run(server, "git", "config", "uploadpack.allowFilter", "true")
    run(server, "git", "config", "uploadpack.allowAnySHA1InWant", "true")
    for kind in ("blob:none", "tree:0"):
        folder = clone(server, tmp_path / kind.replace(":", "-"), f"--filter={kind}")
        assert commits(folder, monkeypatch) == set("123")
    folder = clone(server, tmp_path / "late", "--filter=blob:none")
    shutil.rmtree(server)
    monkeypatch.chdir(folder)
    with pytest.raises(TracesError, match=r"^git cat-file: fatal: "):
        all_versions()
    done = run(folder, "traces", "verify", "--rev", "HEAD~1", "--quick", code=1)
    assert "fatal: " in done.err
    assert "this clone is a partial one (`git clone --filter`), and its remote has to bring the rest" in done.err
