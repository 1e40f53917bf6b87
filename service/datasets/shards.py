"""A dataset's records as objects of DVC's cache, one after the other; what is not there comes from the remote."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from service.datasets.catalog import Dataset
from service.processes import run_module
from service.room import require_room
from service.settings import Settings
from stages.addresses.objects import Objects
from stages.paths import SPLITS
from traces.errors import TracesError, one_line

FETCH_S = 3600
NOT_THERE = "the remote does not have it"


@dataclass(frozen=True)
class Shard:
    """An object, under the name that it has in its folder. `size` in bytes."""

    name: str
    md5: str
    path: Path
    size: int


@dataclass(frozen=True)
class Shards:
    """Some shards of a format, in the order of splits and partitions."""

    shards: tuple[Shard, ...]

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(shard.size for shard in self.shards)

    @property
    def digest(self) -> str:
        """A hash of their content: sha256 over a line `NAME MD5` each."""
        return hashlib.sha256("".join(f"{shard.name} {shard.md5}\n" for shard in self.shards).encode()).hexdigest()


class _MissingError(TracesError):
    """An object is not in the cache here."""


async def find_shards(
    settings: Settings, objects: Objects, dataset: Dataset, format_name: str, split: str | None
) -> Shards:
    """The shards of a dataset's format in a split, or in all of them.

    Raises:
        TracesError: neither the cache nor a remote has them all.
        NoRoomError: they would have to be fetched, and the disk is nearly full.
    """
    md5 = dataset.manifest["exports"][format_name]["md5"]
    try:
        return await asyncio.to_thread(_look, objects, md5, split)
    except _MissingError:
        require_room(settings)
        await _fetched(settings.root, md5)
        return await asyncio.to_thread(_look, objects, md5, split)


def _look(objects: Objects, md5: str, split: str | None) -> Shards:
    if not objects.path(md5).is_file():
        raise _missing(md5, NOT_THERE)
    listing = _known(objects, md5)
    wanted = SPLITS if split is None else (split,)
    names = [name for one in wanted for name in sorted(listing) if name.startswith(f"{one}-")]
    return Shards(tuple(_shard(objects, name, listing[name]) for name in names))


@lru_cache(maxsize=256)
def _known(objects: Objects, md5: str) -> dict[str, str]:
    listing = objects.listing(md5)
    if listing is None:
        raise _missing(md5, NOT_THERE)
    return listing


def _shard(objects: Objects, name: str, md5: str) -> Shard:
    path = objects.path(md5)
    try:
        return Shard(name, md5, path, path.stat().st_size)
    except FileNotFoundError:
        raise _missing(md5, NOT_THERE) from None


_under_way: dict[str, asyncio.Task[None]] = {}


async def _fetched(root: Path, md5: str) -> None:
    """Bring an object, and what it lists, from DVC's default remote: once, however many wait for it."""
    if md5 not in _under_way:
        _under_way[md5] = asyncio.create_task(_fetch(root, md5))
        _under_way[md5].add_done_callback(_over)
    await asyncio.shield(_under_way[md5])  # one that goes away leaves it to the others


async def end_fetches() -> None:
    """End what is under way, with the service."""
    held = [*_under_way.values()]
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)


def _over(task: asyncio.Task[None]) -> None:
    for md5 in [md5 for md5, held in _under_way.items() if held is task]:
        del _under_way[md5]
    if not task.cancelled():
        task.exception()  # whoever waits is told; where nobody does any more, nobody is to be


async def _fetch(root: Path, md5: str) -> None:
    """Bring it in a process of its own. A remote may keep that waiting, but no thread."""
    try:
        ended = await run_module(root, FETCH_S, "service.datasets.fetch", md5)
    except TimeoutError:
        raise _missing(md5, "no answer") from None
    if ended.code:
        said = ended.err.decode(errors="replace").strip().splitlines()
        raise _missing(md5, one_line(said[-1]) if said else "no answer")


def _missing(md5: str, why: str) -> _MissingError:
    return _MissingError(f"object {md5} is not in DVC's cache here, and cannot be pulled: {why}")
