"""Asking a remote for every file that it should hold, and reading those that may be damaged."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from commands.remotes.asked import Asked
from commands.remotes.opened import WEB, reason
from stages.addresses.objects import Objects, parse_listing
from stages.runtime.progress import progress
from traces.errors import TracesError
from traces.files import hash_file

T = TypeVar("T")

MISSING, DAMAGED, UNKNOWN = "missing", "damaged", "unknown"
CONTENT, ETAG, SIZE, PRESENCE = "content", "ETag", "size", "presence"  # how a file was checked, the best way first
_BATCH = 256
_PIECE = 1 << 20
_IS_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass
class Survey:
    """What a remote has of the asked files.

    `listings` has the files of each folder by the md5 of its listing, None if nobody here knows them. By md5, `faults`
    has the state of each file that is not sound and what is known of it, and `checked` how each sound one was checked.
    `kept` are the faults that no repair sends a file for.
    """

    listings: dict[str, dict[str, str] | None] = field(default_factory=dict)
    faults: dict[str, tuple[str, str]] = field(default_factory=dict)
    checked: dict[str, str] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)

    def keep(self, md5: str, says: str) -> None:
        """Say why no repair mends a fault."""
        state, known = self.faults[md5]
        self.faults[md5] = (state, "; ".join(filter(None, (known, says))))
        self.kept.add(md5)

    @property
    def ways(self) -> dict[str, int]:
        """How many sound files were checked in which way, the best way first."""
        counted = Counter(self.checked.values())
        return {way: counted[way] for way in (CONTENT, ETAG, SIZE, PRESENCE) if counted[way]}


class Surveyor:
    """Asks one remote. `read` also reads what nothing speaks against, if the remote is not on this machine."""

    def __init__(self, name: str, odb: Any, objects: Objects, *, read: bool) -> None:
        self.name, self.odb, self.objects = name, odb, objects
        self._read_all = read or odb.fs.protocol == "local"

    def survey(self, asked: Asked) -> Survey:
        """Ask for every file of `asked`.

        Raises:
            TracesError: the remote stopped answering.
        """
        found = Survey()
        tops = sorted({md5 for _, md5 in asked.outputs})
        folders = [md5 for md5 in tops if md5.endswith(".dir")]
        infos = self._infos(tops)
        trusts_etags = self._survey_listings(folders, infos, found)
        listed = {md5 for files in found.listings.values() for md5 in (files or {}).values()}
        files = sorted(listed.union(tops).difference(folders))
        infos |= self._infos(files)
        suspects = {md5 for md5 in files if self._is_suspect(md5, infos[md5], found, trusts_etags)}
        suspects |= self._of_wrong_size(asked.sizes, infos, found)
        self._read(sorted(suspects), found)
        return found

    def _infos(self, md5s: Collection[str]) -> dict[str, dict[str, Any] | None]:
        """What the remote says of each file; None if it has none."""
        wanted, found = list(md5s), dict[str, dict[str, Any] | None]()
        self.odb.fs.fs.invalidate_cache()
        batches = [wanted[first : first + _BATCH] for first in range(0, len(wanted), _BATCH)]
        for batch in progress(batches, len(batches), f"ask remote {self.name}"):
            paths = [self.odb.oid_to_path(md5) for md5 in batch]
            for md5, info in zip(batch, self._asked(lambda: self._info(paths)), strict=True):  # noqa: B023 - called here
                found[md5] = info
        return found

    def _info(self, paths: list[str]) -> Iterator[dict[str, Any] | None]:
        for info in self.odb.fs.info(paths, return_exceptions=True):
            if isinstance(info, BaseException):
                # fsspec also calls a file of a web server not found if the server does not answer.
                why = info.__cause__ if self.odb.fs.protocol in WEB and info.__cause__ else info
                if not isinstance(why, FileNotFoundError | NotADirectoryError):
                    raise why
            yield info if isinstance(info, dict) else None

    def _asked(self, question: Callable[[], Iterable[T]]) -> list[T]:
        try:
            return list(question())
        except Exception as error:  # whatever a remote's library raises
            raise TracesError(f"remote {self.name}: {reason(error)}; so nobody knows whether it is whole") from None

    def _in_threads(self, work: Callable[[str], T], md5s: list[str], label: str) -> list[T]:
        with ThreadPoolExecutor(self.odb.fs.jobs) as pool:
            return self._asked(lambda: progress(pool.map(work, md5s), len(md5s), f"{label} {self.name}"))

    def _survey_listings(self, folders: list[str], infos: dict[str, Any], found: Survey) -> bool:
        """Read the listings that are there; return whether this remote's ETags are md5s, by theirs.

        A store that encrypts with keys of its own, or that got a file in parts, has other ETags.
        """
        there = [md5 for md5 in folders if infos[md5] and not self._is_no_file(md5, infos[md5], found)]
        etags = []
        for md5, data in zip(there, self._in_threads(self._listing_bytes, there, "read listings of"), strict=True):
            found.listings[md5] = parse_listing(md5, data)
            if found.listings[md5] is None:
                found.faults[md5] = (DAMAGED, "its content is not what its name says")
            else:
                found.checked[md5] = CONTENT
                etags.append(_etag(infos[md5]) == md5.removesuffix(".dir"))
        for md5 in folders:
            if infos[md5] is None:
                found.faults[md5] = (MISSING, "")
            if found.listings.get(md5) is None:
                found.listings[md5] = self._listing_here(md5)
                if found.listings[md5] is None:
                    state, _ = found.faults[md5]
                    says = f"its listing is {state}, and DVC's cache has none: nobody here knows its files"
                    found.faults[md5] = (UNKNOWN, says)
        return any(etags)

    def _is_no_file(self, md5: str, info: dict[str, Any], found: Survey) -> bool:
        """Whether something else than a file is in its place, which `found` then says."""
        kind = info.get("type", "file")
        if kind != "file":
            found.faults[md5] = (DAMAGED, f"a {kind} is in its place")
            found.keep(md5, "remove it by hand")
        return bool(kind != "file")

    def _listing_bytes(self, md5: str) -> bytes:
        data: bytes = self.odb.fs.cat_file(self.odb.oid_to_path(md5))
        return data

    def _listing_here(self, md5: str) -> dict[str, str] | None:
        try:
            return self.objects.listing(md5)
        except TracesError:
            return None

    def _is_suspect(self, md5: str, info: dict[str, Any] | None, found: Survey, trusts_etags: bool) -> bool:
        """Whether a file is to be read; else `found` gets what is known of it."""
        if info is None:
            found.faults[md5] = (MISSING, "")
            return False
        if self._is_no_file(md5, info, found):
            return False
        path = self.objects.path(md5)
        here = path.stat().st_size if path.is_file() else None
        size, etag = info.get("size"), _etag(info)
        if here is not None and size is not None and here != size:
            return True
        if self._read_all or (trusts_etags and etag and etag != md5):
            return True
        known = here is not None and size is not None
        found.checked[md5] = ETAG if trusts_etags and etag else SIZE if known else PRESENCE
        return False

    def _of_wrong_size(self, sizes: dict[str, int], infos: dict[str, Any], found: Survey) -> set[str]:
        """The files, checked by their presence alone, of outputs whose size by dvc.lock is not what the remote has."""
        suspects = set[str]()
        for md5, size in sizes.items():
            members = [md5] if not md5.endswith(".dir") else list((found.listings.get(md5) or {}).values())
            held = [info.get("size") for member in members if (info := infos.get(member))]
            if None in held or len(held) < len(members):
                continue
            unsure = {member for member in members if found.checked.get(member) == PRESENCE}
            if sum(held) != size:
                suspects |= unsure
            else:
                found.checked |= dict.fromkeys(unsure, SIZE)
        return suspects

    def _read(self, md5s: list[str], found: Survey) -> None:
        """Hash files of the remote."""
        for md5, actual in zip(md5s, self._in_threads(self._hashed, md5s, "read"), strict=True):
            if actual == md5:
                found.checked[md5] = CONTENT
            else:
                found.checked.pop(md5, None)
                found.faults[md5] = (DAMAGED, f"its md5 is {actual}")

    def _hashed(self, md5: str) -> str:
        path = self.odb.oid_to_path(md5)
        if self.odb.fs.protocol == "local":
            return hash_file(Path(path))
        digest = hashlib.md5(usedforsecurity=False)
        with self.odb.fs.open(path, "rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest()


def _etag(info: dict[str, Any]) -> str:
    """The ETag of an object, if it can be an md5; else empty."""
    etag = str(info.get("ETag") or "").strip('"')
    return etag if _IS_MD5.fullmatch(etag) else ""
