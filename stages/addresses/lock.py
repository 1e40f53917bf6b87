"""dvc.lock: the hashes that DVC recorded, held against the bytes and params in the workspace."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from stages.addresses.hashes import known_hashes
from stages.addresses.objects import open_objects
from stages.params.reading import PARAMS
from stages.runtime.executor import worker_count
from stages.yaml_file import read_yaml
from traces.errors import TracesError, one_line
from traces.files import hash_file
from traces.ignored import hashed_files

LOCK = Path("dvc.lock")
_MEND = "`dvc repro` makes it right"
# Files with such names are read from an output's folder, whether DVC keeps them or not.
_READ = (".parquet", ".jsonl", ".json", ".txt")


@dataclass(frozen=True)
class Artefact:
    """A path with DVC's hash of it: md5, for a folder the md5 of its listing with `.dir` behind."""

    path: str
    md5: str
    size: int
    nfiles: int | None = None
    files: dict[str, str] = field(default_factory=dict, compare=False)  # the md5 of each, by path, where they were read
    excluded: tuple[str, ...] = field(default=(), compare=False)  # files of a folder that .dvcignore excludes

    def entry(self) -> dict[str, Any]:
        """As the manifest quotes it."""
        files = {} if self.nfiles is None else {"nfiles": self.nfiles}
        return {"md5": self.md5, "size": self.size, **files}


class _Item(BaseModel):
    model_config = ConfigDict(strict=True)
    path: str
    md5: Annotated[str, Field(pattern=r"^[0-9a-f]{32}(\.dir)?$")]
    size: Annotated[int, Field(ge=0)]
    nfiles: Annotated[int, Field(ge=0)] | None = None


class _Entry(BaseModel):
    model_config = ConfigDict(strict=True)
    cmd: str
    deps: list[_Item] = []
    params: dict[str, dict[str, Any]] = {}
    outs: list[_Item] = []


_entries = TypeAdapter(dict[str, _Entry])


def read_lock(path: Path = LOCK) -> dict[str, Any]:
    """The entries of a dvc.lock by stage, in its order; none where there is no file.

    Raises:
        TracesError: it is not as DVC writes it.
    """
    held = read_yaml(path) if path.exists() else {}
    entries: dict[str, Any] = held.get("stages", {}) if isinstance(held, dict) else {}
    try:
        _entries.validate_python(entries)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise TracesError(f"{path}: stages.{where}: {first['msg']}; `git checkout {LOCK}` restores it") from None
    return entries


def load_lock(stages: tuple[str, ...]) -> dict[str, Any]:
    """The entries of dvc.lock for `stages`.

    Raises:
        TracesError: the file or an entry is missing, or not as DVC writes it.
    """
    entries = read_lock()
    for stage in stages:
        if stage not in entries:
            raise TracesError(f"{LOCK}: no entry for stage {stage}; run `dvc repro`")
    return {stage: entries[stage] for stage in stages}


def outputs(entries: dict[str, Any]) -> list[Artefact]:
    """What the stages made, as the lock says, in the order of the paths."""
    found = [_artefact(out) for entry in entries.values() for out in entry.get("outs", ())]
    return sorted(found, key=lambda artefact: artefact.path)


def locked_params(entries: dict[str, Any]) -> dict[str, Any]:
    """The params that the stages were run with, as the lock says."""
    return {
        key: value for entry in entries.values() for key, value in entry.get("params", {}).get(str(PARAMS), {}).items()
    }


def quoted_hashes(entries: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    """Each path that the lock names, with the hashes that it has for it, and the stages that have them."""
    quoted: dict[str, dict[str, list[str]]] = {}
    for stage, entry in entries.items():
        for item in (*entry.get("deps", ()), *entry.get("outs", ())):
            quoted.setdefault(item["path"], {}).setdefault(item["md5"], []).append(stage)
    return quoted


def hash_quoted(entries: dict[str, Any], md5_of: Callable[[Path], str] | None = None) -> dict[str, Artefact | None]:
    """What lies at each path that the lock names, hashed by `md5_of`, or by a hash known of it; None for nothing."""
    paths = list(quoted_hashes(entries))
    with contextlib.nullcontext(md5_of) if md5_of else known_hashes() as hashed:
        return dict(zip(paths, hash_paths(paths, hashed), strict=True))


def lock_faults(entries: dict[str, Any], params: dict[str, Any], found: dict[str, Artefact | None]) -> list[str]:
    """Where the lock differs from the workspace: a param, a dependency, code, or an output's bytes, as `found`."""
    faults = []
    for stage, entry in entries.items():
        for key, locked in entry.get("params", {}).get(str(PARAMS), {}).items():
            where, now, held = first_difference(key, _lookup(params, key), locked)
            if now != held:
                faults.append(
                    f"{LOCK}: stage {stage} ran with {where} {_shown(held)}, {PARAMS} says {_shown(now)}; {_MEND}"
                )
    made = {artefact.path for artefact in outputs(entries)}
    for path, hashes in quoted_hashes(entries).items():
        actual = found[path]
        if actual is not None and path in made:
            faults += [
                f"{name}: .dvcignore excludes it, so DVC does not keep it, but it would be read; "
                "change the pattern in .dvcignore, or remove the file if no stage made it"
                for name in actual.excluded
                if name.endswith(_READ)
            ]
        for md5, stages in hashes.items():
            ran = f"stage {', '.join(stages)}"
            if actual is None:
                mend = _MEND if path in made else f"`git checkout {path}` restores it"
                faults.append(f"{path}: missing, {LOCK} has it for {ran}; {mend}")
            elif actual.md5 != md5:
                faults.append(f"{path}: its md5 is {actual.md5}, {LOCK} says {md5} for {ran}; {_MEND}")
    return faults


def cache_faults(entries: dict[str, Any], found: dict[str, Artefact | None]) -> list[str]:
    """What was damaged in DVC's cache of the artefacts that are not, as `found`, what the lock says. It is removed."""
    quoted = quoted_hashes(entries).items()
    wrong = [md5 for path, hashes in quoted for md5 in hashes if (actual := found[path]) and actual.md5 != md5]
    if not wrong or not Path(".dvc").is_dir():
        return []
    damaged = open_objects().remove_damaged(wrong)
    return [f"{path}: was damaged in DVC's cache, and is removed from it; {_MEND}" for path in damaged]


def hash_paths(paths: list[str], md5_of: Callable[[Path], str]) -> list[Artefact | None]:
    """The hashes of files and folders as DVC computes them, of files by `md5_of`; None for a path that is not there."""
    # Threads: hashlib lets go of the interpreter's lock while it works.
    with ThreadPoolExecutor(worker_count()) as pool:
        return list(pool.map(partial(hash_path, md5_of=md5_of), paths))


def hash_path(path: str | Path, md5_of: Callable[[Path], str] = hash_file) -> Artefact | None:
    """The hash of one file or folder as DVC computes it.

    Raises:
        TracesError: DVC cannot compute one: the folder holds what is no file, or a .dvcignore.
    """
    found = Path(path)
    if found.is_dir():
        return _hash_folder(found, md5_of)
    if not found.is_file():
        return None
    md5 = md5_of(found)
    return Artefact(found.as_posix(), md5, found.stat().st_size, files={found.as_posix(): md5})


def _hash_folder(folder: Path, md5_of: Callable[[Path], str]) -> Artefact:
    kept, left_out = hashed_files(folder)
    files = {name: folder / name for name in kept}
    for path in files.values():
        if not path.is_file():
            what = "a link that leads nowhere" if path.is_symlink() else "no regular file"
            raise TracesError(f"{path}: {what}, which DVC cannot hash; remove it, or add its name to .dvcignore")
    listing = [{"md5": md5_of(path), "relpath": name} for name, path in files.items()]
    digest = hashlib.md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
    size = sum(path.stat().st_size for path in files.values())
    hashes = {f"{folder.as_posix()}/{item['relpath']}": item["md5"] for item in listing}
    excluded = tuple(f"{folder.as_posix()}/{name}" for name in left_out)
    return Artefact(folder.as_posix(), f"{digest}.dir", size, len(files), hashes, excluded)


def _artefact(item: dict[str, Any]) -> Artefact:
    return Artefact(item["path"], item["md5"], item["size"], item.get("nfiles"))


def _lookup(params: dict[str, Any], key: str) -> Any:
    value: Any = params
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def first_difference(where: str, one: Any, other: Any) -> tuple[str, Any, Any]:
    """Where two values differ first, in the order of their keys, and what each has there: `selection.limit`, 5, 7."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            if one.get(key) != other.get(key):
                return first_difference(f"{where}.{key}", one.get(key), other.get(key))
    return where, one, other


def _shown(value: Any) -> str:
    return one_line(json.dumps(value, default=str), 80)
