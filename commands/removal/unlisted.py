"""Files in DVC's cache that no version names and that hold a trace.

An earlier purge took the listings of the versions that it touched; other files of those versions are left, and a later
purge of another trace has to find them by what they hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from commands.content_hashes import read_contents
from commands.holders import Holding, Sought, names_one
from commands.versions import Version
from stages.addresses.objects import Objects
from stages.paths import PAIRS, TRACES
from stages.runtime.partitioned import read_rows
from stages.runtime.progress import progress
from traces.errors import TracesError

_NAME = "files of no version"
_TRACES = frozenset({"id", "content_sha256"})
_PAIRS = frozenset({"id", "rejected_id"})
_PAIR = b'"rejected_responses":'  # in a record that has the text of a trace that it does not name


def find_unlisted(versions: Iterable[Version], objects: Objects, sought: Sought, ids: Iterable[str]) -> Holding:
    """The files of no version that hold the sought traces, also known by `ids`.

    Where a file once lay is not known: a partition of data/traces/ or data/pairs/ is named as one of those, since these
    say which other files hold a trace, and are removed last.
    """
    found = Holding(Version("", (_NAME,), {}, is_run=True), set(ids))
    paths = _left_over(versions, objects)
    columns = {path: _columns(path) for path in progress(paths, len(paths), "files of no version")}

    def add(path: Path, folder: Path) -> None:
        found.files[(folder / f"{_md5(path)}.parquet").as_posix()] = _md5(path)

    for path in (path for path in paths if columns[path] >= _TRACES):
        known_ids = sought.ids | found.ids
        held = {one for one, hashes in read_contents(path) if one in known_ids or hashes & sought.contents}
        found.ids |= held
        if held:
            add(path, TRACES)
    wanted = sought.ids | found.ids
    better = set[str]()
    for path in (path for path in paths if columns[path] >= _PAIRS):
        pairs = [(one, other) for one, other in read_rows(path, ["id", "rejected_id"]) if {one, other} & wanted]
        better |= {one for one, other in pairs if other in wanted}
        if pairs:
            add(path, PAIRS)
    for path in paths:
        named = wanted | better if _has_pairs(path, columns[path]) else wanted
        known = _md5(path) in found.files.values()
        if named and not known and names_one(path, frozenset(named), is_table=bool(columns[path])):
            found.files[_md5(path)] = _md5(path)
    return found


def _left_over(versions: Iterable[Version], objects: Objects) -> list[Path]:
    """The files in the cache that no listing of a version has, in the order of their md5."""
    listed = set[str]()
    for folder in {md5 for version in versions for md5 in version.outputs.values()}:
        listed |= {folder, *(_listing(objects, folder) if folder.endswith(".dir") else {}).values()}
    held = sorted((objects.folder / "files" / "md5").glob("??/*"))
    return [path for path in held if path.suffix != ".dir" and _md5(path) not in listed]


def _listing(objects: Objects, md5: str) -> dict[str, str]:
    try:
        return objects.listing(md5) or {}
    except TracesError:  # damaged: what it named is looked into as what no listing names
        return {}


def _md5(path: Path) -> str:
    return path.parent.name + path.name


def _columns(path: Path) -> frozenset[str]:
    """The columns of a Parquet file; none of any other."""
    with path.open("rb") as file:
        if file.read(4) != b"PAR1":
            return frozenset()
    try:
        return frozenset(pq.read_schema(path).names)
    except pa.ArrowInvalid:  # cut short: nobody can read it as a table
        return frozenset()


def _has_pairs(path: Path, columns: frozenset[str]) -> bool:
    """Whether its records are pairs, which have the text of a worse trace and the id of the better one."""
    if columns:
        return "rejected_responses" in columns
    with path.open("rb") as file:
        return _PAIR in file.readline()
