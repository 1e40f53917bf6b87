"""A small project with two versions, and the two kinds of remotes that tests take files from and damage."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.support.s3 import CREDENTIALS, S3Server
from tests.support.samples import stored, write_sqlite
from tests.support.shell import Done, commit, copy_repository, forget_code, replace, run


@dataclass(frozen=True)
class Place:
    """Where a remote keeps its objects: their md5s, and how to read, write and remove one."""

    url: str
    names: Callable[[], set[str]]
    read: Callable[[str], bytes]
    write: Callable[[str, bytes], None]
    remove: Callable[[str], None]

    def held(self) -> dict[str, bytes]:
        """Every object."""
        return {name: self.read(name) for name in sorted(self.names())}

    def restore(self, held: dict[str, bytes]) -> None:
        """Make it what it was when it held these objects."""
        now = self.held()
        for name in now.keys() - held.keys():
            self.remove(name)
        for name, data in held.items():
            if now.get(name) != data:
                self.write(name, data)

    def listings(self) -> dict[str, dict[str, str]]:
        """The files of each listing that is there."""
        found = (name for name in sorted(self.names()) if name.endswith(".dir"))
        return {name: {item["relpath"]: item["md5"] for item in json.loads(self.read(name))} for name in found}

    def lies(self) -> set[str]:
        """The listings that name a file which is not there: DVC would take their folders for whole."""
        there = self.names()
        return {name for name, files in self.listings().items() if not there.issuperset(files.values())}


def folder_place(folder: Path) -> Place:
    """A remote that is a folder, or a cache."""

    def path(md5: str) -> Path:
        return folder / "files/md5" / md5[:2] / md5[2:]

    def write(md5: str, data: bytes) -> None:
        path(md5).unlink(missing_ok=True)
        path(md5).write_bytes(data)

    return Place(
        str(folder),
        lambda: {found.parent.name + found.name for found in (folder / "files/md5").glob("??/*")},
        lambda md5: path(md5).read_bytes(),
        write,
        lambda md5: path(md5).unlink(),
    )


def bucket_place(server: S3Server, bucket: str) -> Place:
    """A remote that is a bucket."""
    place = "data/files/md5/"

    def key(md5: str) -> str:
        return f"{place}{md5[:2]}/{md5[2:]}"

    return Place(
        f"s3://{bucket}/data",
        lambda: {
            name.removeprefix(place).replace("/", "") for name in server.objects(bucket) if name.startswith(place)
        },
        lambda md5: server.read(bucket, key(md5)),
        lambda md5, data: server.write(bucket, key(md5), data),
        lambda md5: server.remove(bucket, key(md5)),
    )


def use_remote(repository: Path, server: S3Server, place: Place, name: str = "shared", *, default: bool = True) -> None:
    """Configure a remote in this clone alone."""
    run(repository, "dvc", "remote", "add", "-q", "--local", *(("-d",) if default else ()), name, place.url)
    if place.url.startswith("s3:"):
        run(repository, "dvc", "remote", "modify", "-q", "--local", name, "endpointurl", server.endpoint)


def shell(folder: Path, *command: str, code: int | None = 0, **changes: str) -> Done:
    """A command with the bucket's keys and no store."""
    return run(folder, *command, code=code, **{**CREDENTIALS, **changes})


def make_version(repository: Path, numbers: Iterable[int], message: str) -> str:
    """Build and commit the dataset of these traces; returns the store's URL."""
    (repository / "../store.db").unlink(missing_ok=True)
    url = write_sqlite((repository / "../store.db").resolve(), map(stored, numbers))
    settings = {"TRACES_DATABASE_URL": url, "TRACES_WORKERS": "1"}
    run(repository, "traces", "pin", "--settle", "0", **settings)
    run(repository, "dvc", "repro", "-q", "validate", **settings)
    commit(repository, message)
    return url


def two_versions(folder: Path) -> Path:
    """A repository with the tag `v1` and, at main, eight traces more; the cache has both."""
    (folder / "project").mkdir()
    repository = copy_repository(folder / "project")
    forget_code(repository)
    # Begin without the project's own dataset, which nobody has built here.
    (repository / "dvc.lock").unlink()
    shutil.rmtree(repository / ".git")
    run(repository, "git", "init", "-q", "-b", "main")
    params = repository / "params.yaml"
    replace(params, "partition_rows: 20480", "partition_rows: 8")
    replace(params, "validation: 0.1", "validation: 0")
    replace(params, "test: 0.1", "test: 0")
    params.write_text(re.sub(r"  formats: .*", "  formats: [trace, tunix_sft]", params.read_text()))
    make_version(repository, range(40), "one")
    run(repository, "git", "tag", "v1")
    make_version(repository, range(48), "two")
    return repository


def fresh_clone(repository: Path, target: Path, server: S3Server, place: Place) -> Path:
    """A clone that shares nothing but the remote."""
    run(repository, "git", "clone", "-q", ".", str(target))
    use_remote(target, server, place)
    return target


def copied(repository: Path, folder: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(repository, folder / "project", symlinks=True))
