"""The shards of two versions, those that both have set apart: what is equal as a file need not be looked into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from commands.versions import WORKSPACE, Version
from stages.addresses.objects import Objects
from stages.paths import EXPORT, SPLITS
from traces.errors import TracesError
from training.formats import FORMATS


@dataclass(frozen=True)
class Shard:
    """A shard of a version: its place in the dataset, and where its bytes lie here."""

    format_name: str
    split: str
    name: str
    md5: str
    path: Path


@dataclass(frozen=True)
class Shards:
    """The shards that only one version has, and those that both have, byte for byte."""

    before: list[Shard]
    after: list[Shard]
    both: list[Shard]


def pair_shards(before: Version, after: Version, objects: Objects) -> Shards:
    """The shards of two versions.

    Raises:
        TracesError: a shard that has to be read is not here.
    """
    old, new = ({_key(shard): shard for shard in _shards(version, objects)} for version in (before, after))
    return Shards(
        [shard for key, shard in old.items() if key not in new],
        [shard for key, shard in new.items() if key not in old],
        [shard for key, shard in new.items() if key in old],
    )


def _key(shard: Shard) -> tuple[str, str, str]:
    return shard.format_name, shard.split, shard.md5


def _shards(version: Version, objects: Objects) -> Iterator[Shard]:
    """The version's shards in the order of formats, splits and partitions."""
    for format_name in FORMATS:
        folder = (EXPORT / format_name).as_posix()
        md5 = version.outputs.get(folder)
        listing = {} if md5 is None else objects.listing(md5)
        if listing is None:
            raise TracesError(f"{folder} of {version.name}: not in DVC's cache; {_fetch(version)}")
        for split in SPLITS:
            for name in sorted(name for name in listing if name.startswith(f"{split}-")):
                yield Shard(format_name, split, name, listing[name], _place(version, folder, name, listing, objects))


def _place(version: Version, folder: str, name: str, listing: dict[str, str], objects: Objects) -> Path:
    path = objects.path(listing[name])
    if not path.is_file():
        raise TracesError(f"{PurePosixPath(folder) / name} of {version.name}: not in DVC's cache; {_fetch(version)}")
    return path


def _fetch(version: Version) -> str:
    return "`dvc repro` makes it" if version.commit == WORKSPACE else "`dvc fetch --all-commits` brings it"
