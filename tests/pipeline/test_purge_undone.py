"""What `traces takedown --purge` leaves on remotes and in caches: nothing that DVC would take for whole."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import pytest

from commands.holders import find_holdings, sought
from commands.removal.purge import purge_holdings
from commands.removal.unlisted import find_unlisted
from commands.versions import all_versions, remembered_runs
from stages.addresses.objects import Objects
from tests.pipeline.remotes import (
    Place,
    bucket_place,
    copied,
    folder_place,
    fresh_clone,
    make_version,
    shell,
    use_remote,
)
from tests.support.s3 import S3Server
from tests.support.samples import trace_id
from tests.support.shell import run
from traces.errors import TracesError

GONE = 3  # a trace of both versions
KEPT = [number for number in range(48) if number != GONE]


@pytest.fixture(scope="module")
def taken_down(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both versions, and a third one without a trace of theirs. Not to be changed: take `copied`."""
    repository = copied(versions, tmp_path_factory.mktemp("taken-down"))
    shell(repository, "traces", "takedown", trace_id(GONE), "--reason", "by mistake")
    make_version(repository, KEPT, "without it")
    return repository


def purged(repository: Path, *numbers: int) -> str:
    """Purge traces; what that printed."""
    ids = [trace_id(number) for number in numbers]
    return shell(repository, "traces", "takedown", *ids, "--reason", "asked for", "--purge", "--yes").out


def test_after_a_purge_that_is_taken_back_a_plain_push_makes_the_remotes_whole(
    taken_down: Path, s3: S3Server, tmp_path: Path
) -> None:
    repository = copied(taken_down, tmp_path)
    places = {"folder": folder_place(tmp_path / "remote"), "bucket": bucket_place(s3, s3.make_bucket("undone"))}
    for name, place in places.items():
        use_remote(repository, s3, place, name)
        shell(repository, "dvc", "push", "-q", "--all-commits", "-r", name)
    before = places["folder"].names()

    said = purged(repository, GONE)
    cache = folder_place(repository / ".dvc/cache")
    for place in (cache, *places.values()):
        assert place.lies() == set()
        assert before - place.names()
    removed = re.findall(r"^(?:remote \w+|DVC's cache): (\d+) files removed, and (\d+) listings", said, re.MULTILINE)
    assert len(removed) == 3
    assert len(set(removed[:2])) == 1

    # The version that is here is whole, and was never in question.
    shell(repository, "dvc", "push", "-q")
    other = fresh_clone(repository, tmp_path / "kept", s3, places["bucket"])
    shell(other, "dvc", "pull", "-q")

    run(repository, "git", "checkout", "-q", "HEAD~1", "--", ".")
    make_version(repository, list(range(48)), "taken back")
    for name, place in places.items():
        shell(repository, "dvc", "push", "-q", "-r", name)
        assert place.lies() == set()
        other = fresh_clone(repository, tmp_path / f"again-{name}", s3, place)
        shell(other, "dvc", "pull", "-q")
        shell(other, "traces", "verify", "--remote", "--rev", "HEAD")


def test_a_listing_that_only_the_remote_has_goes_too_and_another_one_stays(
    taken_down: Path, s3: S3Server, tmp_path: Path
) -> None:
    """Of a branch that this clone never fetched, or of a build that somebody pushed and did not commit."""
    repository = copied(taken_down, tmp_path)
    place = folder_place(tmp_path / "remote")
    use_remote(repository, s3, place)
    shell(repository, "dvc", "push", "-q", "--all-commits")
    cache = folder_place(repository / ".dvc/cache")
    listings = place.listings()
    before = cache.names()
    unknown = b'[{"md5": "%s", "relpath": "%s"}]'
    _, trace_file = next(
        (name, md5)
        for files in listings.values()
        for name, md5 in files.items()
        if trace_id(GONE).encode() in place.read(md5)
    )
    md5s = [make_listing(place, unknown % (md5.encode(), b"x.jsonl")) for md5 in (trace_file, "0" * 32)]
    (Path(place.url) / "files/md5/aa").mkdir(exist_ok=True)
    place.write("a" * 32, b"nobody here has this")
    damaged = f"{'a' * 30}00.dir"  # it may name anything, and DVC would believe it for ever
    place.write(damaged, b"[")
    said = purged(repository, GONE)
    assert md5s[0] not in place.names()
    assert md5s[1] in place.names()
    assert damaged not in place.names()
    assert "remote shared: 1 file there are not in DVC's cache here, so nobody looked into them\n" in said
    assert before > cache.names()


def test_a_repair_from_a_clone_that_was_not_purged_does_not_bring_the_trace_back(
    taken_down: Path, s3: S3Server, tmp_path: Path
) -> None:
    repository = copied(taken_down, tmp_path)
    place = folder_place(tmp_path / "remote")
    use_remote(repository, s3, place)
    shell(repository, "dvc", "push", "-q", "--all-commits")
    (tmp_path / "other").mkdir()
    other = copied(repository, tmp_path / "other")
    purged(repository, GONE)
    before = place.names()
    said = shell(other, "traces", "verify", "--remote", "--rev", "v1", "--repair", code=1).out
    assert "not sent: it holds a trace on data/exclusions.csv" in said
    assert "not sent: it names such a file" in said
    assert "run this in a clone" not in said
    assert [name for name, data in place.held().items() if trace_id(GONE).encode() in data] == []
    assert place.names() == before
    # Whoever checks out a version has its list, too, and so means what it holds.
    run(other, "git", "checkout", "-q", "v1")
    shell(other, "dvc", "checkout", "-q")
    shell(other, "traces", "verify", "--remote", "--rev", "v1", "--repair")
    assert place.lies() == set()


def make_listing(place: Place, data: bytes) -> str:
    """Put a listing on a remote that is a folder."""
    md5 = f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}.dir"
    (Path(place.url) / "files/md5" / md5[:2]).mkdir(exist_ok=True)
    place.write(md5, data)
    return md5


def test_a_later_purge_finds_what_an_earlier_one_left_of_a_version(
    taken_down: Path, s3: S3Server, tmp_path: Path
) -> None:
    """The earlier one took the listings of the old versions, so that nothing names their other files."""
    repository = copied(taken_down, tmp_path)
    place = folder_place(tmp_path / "remote")
    use_remote(repository, s3, place)
    shell(repository, "dvc", "push", "-q", "--all-commits")
    purged(repository, GONE)
    later = 47  # in the second version alone, and in the one that is here
    make_version(repository, [number for number in KEPT if number != later], "without that one, too")
    run(repository, "git", "reflog", "expire", "--expire=now", "--all")
    needle = trace_id(later).encode()
    assert any(needle in data for data in place.held().values())
    purged(repository, later)
    cache = folder_place(repository / ".dvc/cache")
    for held in (place.held(), cache.held()):
        assert [name for name, data in held.items() if needle in data] == []
    assert (place.lies(), cache.lies()) == (set(), set())


def test_an_unreachable_remote_stops_no_other_and_keeps_the_cache(
    taken_down: Path, s3: S3Server, tmp_path: Path
) -> None:
    repository = copied(taken_down, tmp_path)
    place, off = folder_place(tmp_path / "remote"), folder_place(tmp_path / "off")
    for name, where in (("off", off), ("shared", place)):
        use_remote(repository, s3, where, name)
        shell(repository, "dvc", "push", "-q", "--all-commits", "-r", name)
    shutil.move(off.url, tmp_path / "away")
    before = folder_place(repository / ".dvc/cache").held()
    command = ("traces", "takedown", trace_id(GONE), "--purge", "--yes")
    done = shell(repository, *command, code=1)
    assert re.search(r"^remote shared: \d+ files removed", done.out, re.MULTILINE)
    assert done.err.startswith("traces: remote off: nothing is there, or it cannot be reached; ")
    assert "DVC's cache keeps its files until then" in done.err
    assert folder_place(repository / ".dvc/cache").held() == before
    assert place.lies() == set()

    shutil.move(tmp_path / "away", off.url)
    assert "remote off: " in shell(repository, *command).out
    assert [name for name, data in off.held().items() if trace_id(GONE).encode() in data] == []
    assert off.lies() == set()


@pytest.mark.parametrize("after", [0, 1, 5, 9])
def test_an_interrupted_purge_leaves_no_lie_and_the_next_one_ends_it(
    taken_down: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Interrupted in the cache, whose objects say what is to be removed."""
    repository = copied(taken_down, tmp_path)
    monkeypatch.chdir(repository)
    objects, wanted = Objects(Path(".dvc/cache").absolute()), sought([trace_id(GONE)])
    cache = folder_place(repository / ".dvc/cache")

    def purge() -> list[str]:
        versions = all_versions()
        versions += remembered_runs(versions, objects)
        holdings = list(find_holdings(versions, objects, wanted))
        known = frozenset[str]().union(*(held.ids for held in holdings))
        return list(purge_holdings([*holdings, find_unlisted(versions, objects, wanted, known)], objects, ask=False))

    left = iter(range(after))

    def interrupted(odb: object, md5: str) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        cache.remove(md5)

    with monkeypatch.context() as patched:
        patched.setattr("dvc_objects.db.ObjectDB.delete", interrupted)
        with pytest.raises(KeyboardInterrupt):
            purge()
    assert cache.lies() == set()
    assert purge()
    assert [name for name, data in cache.held().items() if trace_id(GONE).encode() in data] == []
    assert cache.lies() == set()


def test_a_file_of_the_dataset_that_is_here_is_never_removed(
    taken_down: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = copied(taken_down, tmp_path)
    monkeypatch.chdir(repository)
    objects = Objects(Path(".dvc/cache").absolute())
    (holding, *_) = (found for found in find_holdings(all_versions(), objects, sought([trace_id(GONE)])) if found.files)
    here = min((objects.listing(all_versions()[0].outputs["data/export/trace"]) or {}).values())
    holding.files["somewhere/else.jsonl"] = here
    before = folder_place(repository / ".dvc/cache").names()
    with pytest.raises(TracesError, match="the dataset in the workspace still holds it, in data/export/trace/"):
        list(purge_holdings([holding], objects, ask=False))
    assert folder_place(repository / ".dvc/cache").names() == before
