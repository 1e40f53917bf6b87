"""Which versions hold a trace, and in which files: by the objects in DVC's cache, each of which is read once."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

import pyarrow.parquet as pq

from commands.content_hashes import read_contents
from commands.versions import Version
from stages.addresses.lock import LOCK
from stages.addresses.objects import Objects
from stages.paths import EXPORT, PAIRS, QUARANTINE, SET_ASIDE, SPLITS, TRACES
from stages.runtime.partitioned import read_rows
from traces.ids import normalise_id

_NAMED = ("id", "rejected_id")  # the columns of partitions that name a trace
_OWN = rb'(?m)^(?:\{"id":")?(?:%s)(?:"|$)'  # how a line of text does


@dataclass(frozen=True)
class Sought:
    """Traces that are looked for: by id, or by the sha256 of what they say."""

    ids: frozenset[str]
    contents: frozenset[str]


@dataclass
class Holding:
    """A version that holds sought traces: their ids, and each file that names one, with its md5.

    `unread` are the version's files that would have to be looked into and are not in the cache. `unjudged` are files
    that are there, and that only one that is not says how to look into.
    """

    version: Version
    ids: set[str] = field(default_factory=set)
    files: dict[str, str] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)

    @property
    def splits(self) -> list[str]:
        """The splits whose shards name a sought trace, in their order; none where no export does."""
        shards = {PurePosixPath(path).name.partition("-")[0] for path in self.files if path.startswith(f"{EXPORT}/")}
        return [split for split in SPLITS if split in shards]


def sought(traces: Iterable[str]) -> Sought:
    """Traces as they are listed in data/exclusions.csv."""
    contents = frozenset(trace.removeprefix("sha256:") for trace in traces if trace.startswith("sha256:"))
    return Sought(frozenset(normalise_id(trace) for trace in traces if not trace.startswith("sha256:")), contents)


def find_holdings(versions: Iterable[Version], objects: Objects, sought: Sought) -> Iterator[Holding]:
    """What each version holds of the traces, those included that hold nothing."""
    search = _Search(objects, sought)
    for version in versions:
        found = search.holding(version)
        if version.is_run:
            found.unread.clear()  # it is of this cache alone: what is not here is nowhere
        yield found


class _Search:
    def __init__(self, objects: Objects, sought: Sought) -> None:
        self.objects, self.sought = objects, sought
        self.known: frozenset[str] = frozenset()  # of the traces that were sought by content, the ids so far
        # Versions share most of their objects.
        self.matches = lru_cache(maxsize=None)(self._matches)
        self.names = lru_cache(maxsize=None)(self._names)

    def holding(self, version: Version) -> Holding:
        found = Holding(version)
        if version.entries is None:
            found.unread.append(str(LOCK))
            return found
        partitions: dict[str, frozenset[str]] = {}
        unknown: set[str] = set()  # the partitions of which nobody can say which ids to look for
        for name, md5 in self._files(version, TRACES, found):
            if self._is_here(name, md5, found):
                ids = self.matches(md5)
                self.known |= ids
                found.ids |= ids
            else:
                # Purged for another trace, or half purged for this one: the files made of it may be here still.
                ids = self.sought.ids | self.known
            if ids:
                partitions[PurePosixPath(name).stem] = ids
            elif not self.objects.path(md5).is_file():
                unknown.add(PurePosixPath(name).stem)
        for name, md5 in self._files(version, QUARANTINE, found):
            if self.sought.ids and name.endswith(".jsonl") and self._looked(name, md5, self.sought.ids, found):
                found.files[name] = md5
        # Where data/traces/ is not here at all, some of what was made of it may be: then all of that is looked into.
        rest = self.sought.ids | self.known if str(TRACES) in found.unread else None
        if not partitions and not unknown and rest is None:
            return found
        every = frozenset(rest or ()).union(*partitions.values())
        paired = self._paired(version, every, found)
        both = {name: partitions.get(name, frozenset()) | paired.get(name, frozenset()) for name in partitions | paired}
        for path in version.outputs:
            for name, md5 in self._files(version, Path(path), found):
                # A pair's record names the better trace alone, and has the text of the worse one, too.
                sought = both if path == PAIRS.as_posix() or "tunix_dpo" in name.split("/") else partitions
                stem = PurePosixPath(name).stem
                ids = next((ids for partition, ids in sought.items() if stem.endswith(partition)), rest or frozenset())
                if name == SET_ASIDE.as_posix():  # of all partitions
                    ids = every
                if ids:
                    if self._looked(name, md5, ids, found):
                        found.files[name] = md5
                elif (rest is not None or stem.endswith(tuple(unknown))) and self.objects.path(md5).is_file():
                    found.unjudged.append(name)
        return found

    def _files(self, version: Version, folder: Path, found: Holding) -> Iterator[tuple[str, str]]:
        """The files of an output, each with its path and md5; of one that is no folder, itself."""
        path = folder.as_posix()
        md5 = version.outputs.get(path)
        if md5 is None or not md5.endswith(".dir"):
            return
        listing = self.objects.listing(md5)
        if listing is None:
            if path not in found.unread:
                found.unread.append(path)
            return
        for name, file_md5 in listing.items():
            yield f"{path}/{name}", file_md5

    def _is_here(self, name: str, md5: str, found: Holding) -> bool:
        here = self.objects.path(md5).is_file()
        if not here and name not in found.unread:
            found.unread.append(name)
        return here

    def _matches(self, md5: str) -> frozenset[str]:
        """The ids of the sought traces in a partition of data/traces/."""
        ids, contents = self.sought.ids, self.sought.contents
        path = self.objects.path(md5)
        if not contents:
            return frozenset(trace_id for (trace_id,) in read_rows(path, ["id"]) if trace_id in ids)
        rows = read_contents(path)
        return frozenset(trace_id for trace_id, hashes in rows if trace_id in ids or not contents.isdisjoint(hashes))

    def _paired(self, version: Version, ids: frozenset[str], found: Holding) -> dict[str, frozenset[str]]:
        """The partitions of other traces with which a sought one was paired, and the ids of those."""
        paired = {}
        for name, md5 in self._files(version, PAIRS, found):
            path = self.objects.path(md5)
            if path.is_file() and name.endswith(".parquet"):
                better = frozenset(one for one, other in read_rows(path, ["id", "rejected_id"]) if other in ids)
                if better:
                    paired[PurePosixPath(name).stem] = better
        return paired

    def _looked(self, name: str, md5: str, ids: frozenset[str], found: Holding) -> bool:
        return self._is_here(name, md5, found) and self.names(md5, PurePosixPath(name).suffix, ids)

    def _names(self, md5: str, suffix: str, ids: frozenset[str]) -> bool:
        return names_one(self.objects.path(md5), ids, is_table=suffix == ".parquet")


def unread_md5s(held: Holding, objects: Objects) -> set[str]:
    """The md5 of each file and listing in `held.unread`, by which a remote can be asked for it."""
    found = set()
    for folder, md5 in held.version.outputs.items():
        if folder in held.unread:
            found.add(md5)
        elif inside := [path for path in held.unread if path.startswith(f"{folder}/")]:
            listing = objects.listing(md5) or {}
            found |= {listing[path.removeprefix(f"{folder}/")] for path in inside}
    return found


def names_one(path: Path, ids: frozenset[str], *, is_table: bool) -> bool:
    """Whether a file, of lines or in Parquet, names one of these traces."""
    if is_table:
        columns = [name for name in _NAMED if name in pq.read_schema(path).names]
        return any(not ids.isdisjoint(row) for row in read_rows(path, columns))
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        quoted = [trace_id.encode() for trace_id in ids if data.find(trace_id.encode()) >= 0]
        # Its own line or record: another trace's text may quote it.
        return bool(quoted) and re.search(_OWN % b"|".join(quoted), data) is not None
