"""`traces verify --remote`: what a remote lacks is found, whatever DVC believes of it, and sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commands.remotes.run import Report, verify_remote
from commands.versions import find_version
from stages.addresses.objects import Objects
from tests.pipeline.remotes import Place, bucket_place, copied, folder_place, fresh_clone, shell, use_remote
from tests.support.s3 import CREDENTIALS, S3Server
from tests.support.shell import ROOT, run
from traces.errors import TracesError, WrongUse

EXPORT = "data/export/tunix_sft"


@pytest.fixture(scope="module", params=["folder", "bucket"])
def team(
    request: pytest.FixtureRequest, versions: Path, s3: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Place, dict[str, bytes]]:
    """A repository that has pushed both versions, the remote, and what that held then."""
    folder = tmp_path_factory.mktemp(request.param)
    place = folder_place(folder / "remote") if request.param == "folder" else bucket_place(s3, s3.make_bucket("verify"))
    repository = copied(versions, folder)
    use_remote(repository, s3, place)
    shell(repository, "dvc", "push", "-q", "--all-commits")
    return repository, place, place.held()


@pytest.fixture
def place(team: tuple[Path, Place, dict[str, bytes]]) -> Iterator[Place]:
    """The remote, which is as it was after each test."""
    _, place, held = team
    yield place
    place.restore(held)


@pytest.fixture
def pushed(team: tuple[Path, Place, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the repository as the working directory."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    repository = copied(team[0], tmp_path)
    monkeypatch.chdir(repository)
    return repository


def ask(rev: str | None = None, *, every: bool = False, read: bool = False, repair: bool = False) -> Report:
    return verify_remote(None, rev, every=every, read=read, repair=repair)


def listing_of(path: str, revision: str = "HEAD") -> tuple[str, dict[str, str]]:
    md5 = find_version(revision).outputs[path]
    return md5, Objects(Path(".dvc/cache")).listing(md5) or {}


def only_in(revision: str, other: str) -> str:
    """A file of the export that one version has and the other lacks."""
    return min({*listing_of(EXPORT, revision)[1].values()} - {*listing_of(EXPORT, other)[1].values()})


def flipped(data: bytes) -> bytes:
    return data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]


def section(title: str) -> str:
    """A part of docs/remotes.md."""
    return (ROOT / "docs/remotes.md").read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_what_dvc_says_of_a_lost_file_is_what_the_docs_quote_and_the_remedy_works(
    pushed: Path, place: Place, s3: S3Server, tmp_path: Path
) -> None:
    lost = only_in("HEAD", "v1")
    place.remove(lost)
    said = {
        "dvc push": shell(pushed, "dvc", "push").text,
        "dvc status --cloud": shell(pushed, "dvc", "status", "--cloud").text,
        "dvc pull": shell(fresh_clone(pushed, tmp_path / "one", s3, place), "dvc", "pull", code=1).text,
    }
    quoted = dict(
        re.findall(r"^\| `(dvc .+?)` +\| `(.+?)` +\|", section("A file is gone from the remote"), re.MULTILINE)
    )
    assert quoted.keys() == said.keys()
    assert {command: words in said[command] for command, words in quoted.items()} == dict.fromkeys(said, True)

    found = shell(pushed, "traces", "verify", "--remote", code=1).out
    assert f"missing  {EXPORT}/" in found
    assert lost[:12] in found
    assert "of 1 file" not in found
    done = shell(pushed, "traces", "verify", "--remote", "--repair").out
    assert f"repaired  {EXPORT}/" in done
    assert "remote shared is whole: " in done
    shell(fresh_clone(pushed, tmp_path / "two", s3, place), "dvc", "pull", "-q")


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], flipped, lambda _: b""], ids=["shorter", "flipped", "empty"]
)
@pytest.mark.parametrize("listing", [False, True], ids=["file", "listing"])
def test_what_is_damaged_is_found_and_replaced(
    pushed: Path, place: Place, damage: Callable[[bytes], bytes], listing: bool
) -> None:
    folder, files = listing_of(EXPORT)
    name, file_md5 = max(files.items())
    md5, path = (folder, EXPORT) if listing else (file_md5, f"{EXPORT}/{name}")
    sound = place.read(md5)
    place.write(md5, damage(sound))
    found = ask(every=True)
    assert {(fault.state, fault.path, fault.md5) for fault in found.faults} == {("damaged", path, md5)}
    assert place.read(md5) != sound
    done = ask(repair=True)
    assert (done.whole, [fault.path for fault in done.repaired]) == (True, [path])
    assert place.read(md5) == sound


@pytest.mark.parametrize("listing", [False, True], ids=["file", "listing"])
def test_a_folder_in_the_place_of_a_file_is_named_and_left(pushed: Path, place: Place, listing: bool) -> None:
    if place.url.startswith("s3:"):
        pytest.skip("a bucket has no folders")
    folder, files = listing_of(EXPORT)
    md5 = folder if listing else max(files.values())
    place.remove(md5)
    there = Path(place.url) / "files/md5" / md5[:2] / md5[2:]
    there.mkdir()
    try:
        for repair in (False, True):
            (fault,) = ask(repair=repair).faults
            assert (fault.state, fault.md5) == ("damaged", md5)
            assert fault.says == "a directory is in its place; remove it by hand"
    finally:
        there.rmdir()
    assert ask(repair=True).whole


def test_without_etags_that_are_md5s_a_file_of_the_right_size_is_read_if_that_is_asked_for(
    pushed: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket that encrypts with a key of its own has such ETags."""
    if not place.url.startswith("s3:"):
        pytest.skip("a folder has no ETags, and is always read")
    monkeypatch.setattr("commands.remotes.survey._etag", lambda _info: "0" * 32)
    md5 = only_in("HEAD", "v1")
    place.write(md5, flipped(place.read(md5)))
    by_size = ask()
    assert by_size.whole
    assert by_size.checked["size"] > 0
    read = ask(read=True)
    assert [fault.md5 for fault in read.faults] == [md5]
    assert read.checked.keys() == {"content"}
    # Without the file here its folder's size in dvc.lock tells.
    place.write(md5, place.read(md5)[:-1])
    Objects(Path(".dvc/cache")).path(md5).unlink()
    assert [fault.md5 for fault in ask().faults] == [md5]


def test_a_lost_listing_is_sent_after_its_files(pushed: Path, place: Place) -> None:
    md5, files = listing_of(EXPORT)
    lost = only_in("HEAD", "v1")
    place.remove(md5)
    place.remove(lost)
    sound = Objects(Path(".dvc/cache")).path(lost)
    data = sound.read_bytes()
    sound.chmod(0o644)
    sound.write_bytes(flipped(data))
    left = ask(repair=True)
    name = next(name for name, file_md5 in files.items() if file_md5 == lost)
    assert [(fault.state, fault.path) for fault in left.faults] == [
        ("missing", EXPORT),
        ("missing", f"{EXPORT}/{name}"),
    ]
    assert {lost, md5}.isdisjoint(place.names())  # neither damaged bytes nor a listing that would lie
    sound.write_bytes(data)
    assert ask(repair=True).whole
    assert {lost, md5} <= place.names()


def test_older_versions_are_asked_for_by_name_or_all_at_once(pushed: Path, place: Place) -> None:
    lost = only_in("v1", "HEAD")
    place.remove(lost)
    assert ask().whole
    (fault,) = ask("v1").faults
    assert (fault.md5, fault.versions) == (lost, ("v1",))
    found = json.loads(shell(pushed, "traces", "verify", "--remote=shared", "--all-versions", "--json", code=1).out)
    assert found["whole"] is False
    assert [(fault["state"], fault["md5"]) for fault in found["faults"]] == [("missing", lost)]
    assert len(found["versions"]) >= 2
    assert found["asked"] == sum(found["checked"].values()) + 1
    done = json.loads(shell(pushed, "traces", "verify", "--remote", "--rev", "v1", "--repair", "--json").out)
    assert (done["whole"], done["faults"], [fault["md5"] for fault in done["repaired"]]) == (True, [], [lost])


def test_what_nobody_here_has_is_left_and_said(
    pushed: Path, place: Place, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    md5, files = listing_of(EXPORT)
    other = fresh_clone(pushed, tmp_path / "other", s3, place)
    monkeypatch.chdir(other)
    assert ask(repair=True).whole  # without a cache: all that it knows is the remote's
    lost = max(files.values())
    place.remove(lost)
    done = shell(other, "traces", "verify", "--remote", "--repair", code=1).out
    assert "missing" in done
    assert "run this in a clone that has the version" in done
    assert "repaired" not in done
    place.remove(md5)
    (fault,) = ask(repair=True).faults
    assert (fault.state, fault.path) == ("unknown", EXPORT)
    assert "nobody here knows its files" in fault.says


def test_a_version_that_was_never_pushed_and_one_that_is_not_committed(
    pushed: Path, place: Place, s3: S3Server
) -> None:
    lock = Path("dvc.lock")
    committed = lock.read_text()
    run(pushed, "git", "checkout", "-q", "v1", "--", "dvc.lock")
    assert ask().versions == ["workspace", next(iter(ask("HEAD").versions))]
    lock.write_text(committed.replace(listing_of(EXPORT)[0], "0" * 32 + ".dir"))
    (fault,) = ask().faults
    assert (fault.state, fault.path, fault.versions) == ("unknown", EXPORT, ("workspace",))
    lock.write_text("stages: [")
    with pytest.raises(TracesError, match=r"dvc\.lock"):
        ask()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3://no-such-bucket/data", "remote off: its folder or bucket is not there"),
        ("/nowhere/remote", "remote off: its folder or bucket is not there"),
        ("http://user:s3cret@127.0.0.1:9/x", "remote off: "),
    ],
)
def test_a_remote_that_cannot_be_asked_is_one_line_and_never_whole(
    versions: Path, s3: S3Server, tmp_path: Path, url: str, says: str
) -> None:
    repository = tmp_path / "clone"
    run(versions, "git", "clone", "-q", ".", str(repository))
    place = Place(url, set, bytes.fromhex, lambda *_: None, lambda _: None)
    use_remote(repository, s3, place, "off", default=False)
    for repair in ((), ("--repair",)):
        done = shell(repository, "traces", "verify", "--remote", "off", *repair, code=1, AWS_MAX_ATTEMPTS="1")
        assert done.err.startswith(f"traces: {says}")
        assert len(done.err.splitlines()) == 1
        assert "s3cret" not in done.text
        assert done.out == ""


def test_keys_that_may_not_are_one_line(pushed: Path, place: Place, tmp_path: Path) -> None:
    if not place.url.startswith("s3:"):
        pytest.skip("a folder asks for no key")
    done = shell(pushed, "traces", "verify", "--remote", code=1, AWS_SECRET_ACCESS_KEY="wrong")
    assert done.err.startswith("traces: remote shared: ")
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (None, "--remote: no remote is the default; name one (configured: s3)"),
        ("gone", "--remote gone: no such remote; configured: s3"),
        ("s3", "remote s3: has no address yet; docs/remotes.md says how to set it up"),
    ],
)
def test_a_remote_that_is_not_configured_is_wrong_use(
    versions: Path, monkeypatch: pytest.MonkeyPatch, name: str | None, says: str
) -> None:
    monkeypatch.chdir(versions)
    with pytest.raises(WrongUse, match=re.escape(says)):
        verify_remote(name, None, every=False, read=False, repair=False)
