"""What was made of a partition before, so that a build costs what changed and not what exists.

DVC removes a stage's outputs before it runs, so a stage cannot look at its last ones. A memo can: it holds files and a
result by a key that is a hash of all they follow from: the project's code, the libraries, the params that matter and
the content of what was read. It lies in `$DVC_ROOT/.cache/memo`, is shared by DVC's temporary workspaces, and may be
deleted at any time. What is read from it is held to its hash. TRACES_MEMO=off does without; so does CI.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar, get_origin

import msgspec
from pydantic_core import to_jsonable_python

from stages import STARTED
from traces.errors import TracesError
from traces.files import folder_aside, hash_file

R = TypeVar("R")

SWITCH = "TRACES_MEMO"
MAX_GB = "TRACES_MEMO_MAX_GB"
DEFAULT_GB = 10
# All code and data of the project that a stage could run, whether it does or not: so no entry can be stale.
CODE = ("stages", "training", "traces")
KINDS = (".py", ".json", ".html", ".css")  # of files that are code, or that it reads as such
LIBRARIES = (
    "detect-secrets",
    "duckdb",
    "jsonschema-rs",
    "msgspec",
    "numpy",
    "publicsuffixlist",
    "pyarrow",
    "pydantic",
    "regex",
    "rensa",
)
_RECORD = "entry"
_PROJECT = Path(__file__).parent.parent.parent


def enabled() -> bool:
    """Whether memos are used: TRACES_MEMO is `on` or `off`, and by default on where no CI runs.

    Raises:
        TracesError: it is something else.
    """
    given = os.environ.get(SWITCH, "") or ("off" if os.environ.get("CI") else "on")
    if given not in ("on", "off"):
        raise TracesError(f"{SWITCH}={given}: expected on or off")
    return given == "on"


def max_bytes() -> int:
    """How much the memo may hold: TRACES_MEMO_MAX_GB, in 10^9 bytes.

    Raises:
        TracesError: it is no whole number.
    """
    given = os.environ.get(MAX_GB, "") or str(DEFAULT_GB)
    if not given.isdecimal():
        raise TracesError(f"{MAX_GB}={given}: expected a whole number of 10^9 bytes")
    return int(given) * 10**9


def code_hash(root: Path = _PROJECT, packages: Iterable[str] = CODE) -> str:
    """A hash over every file of these packages' code, and the templates beside it."""
    digest = hashlib.sha256()
    for package in packages:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in KINDS and path.is_file():
                digest.update(f"{path.relative_to(root).as_posix()}\n{hash_file(path)}\n".encode())
    return digest.hexdigest()


def code_changed(root: Path = _PROJECT) -> bool:
    """Whether a file of the code was written since this process began: then nobody knows what it runs."""
    return any(
        # A file that was moved here keeps the time at which it was written; its entry's change does not.
        max(path.stat().st_mtime, path.stat().st_ctime) >= STARTED
        for package in CODE
        for path in (root / package).rglob("*")
        if path.suffix in KINDS
    )


@dataclass(frozen=True)
class Memo:
    """The memo of one task, a function of a partition, with one code and one set of params."""

    folder: Path

    def key(self, parts: Iterable[str]) -> str:
        """The key of what follows from `parts`: the content of what is read."""
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def forget(self) -> None:
        """Remove all that this memo holds."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def recall(self, key: str, targets: Sequence[Path], kind: Any) -> Remembered | None:
        """Put the files that were remembered at `targets`, and return what was; its result is a `kind`. None: unknown.

        A target that there was no file for stays away.
        """
        entry = self.folder / key
        try:
            held = _read_record(entry / _RECORD, kind)
            if held is None or len(held.files) != len(targets):
                raise _DamagedError
            for number, (md5, target) in enumerate(zip(held.files, targets, strict=True)):
                if md5 is not None:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    _link(entry / str(number), target)
                    if hash_file(target) != md5:
                        raise _DamagedError
            os.utime(entry / _RECORD)
        except (_DamagedError, OSError):
            # Whatever it is: a damaged entry, or one that another process has just removed. It is made anew.
            for target in targets:
                target.unlink(missing_ok=True)
            shutil.rmtree(entry, ignore_errors=True)
            return None
        return held

    def look_up(self, key: str, kind: Any) -> Remembered | None:
        """What was remembered, a `kind`; None: unknown. The files are left alone."""
        try:
            return _read_record(self.folder / key / _RECORD, kind)
        except OSError:
            return None

    def remember(self, key: str, targets: Sequence[Path], result: object) -> None:
        """Remember a result, and the files at `targets` where there are some. Never fails: a memo is no promise."""
        # Another process was faster, the disk is full, or a result is none that can be written.
        with contextlib.suppress(OSError, ValueError, OverflowError), folder_aside(self.folder / key) as aside:
            files = [hash_file(target) if target.exists() else None for target in targets]
            for number, (md5, target) in enumerate(zip(files, targets, strict=True)):
                if md5 is not None:
                    _link(target, aside / str(number))
            body = _encode(Remembered(files, msgspec.to_builtins(result, builtin_types=(bytes,))))
            (aside / _RECORD).write_bytes(hashlib.sha256(body).digest() + body)


class Remembered(msgspec.Struct, array_like=True):
    """A result, and the md5 of each file with it; None for one that was not there."""

    files: list[str | None]
    result: Any


class _DamagedError(Exception):
    pass


def _decode_hook(kind: Any, value: Any) -> Any:
    if (get_origin(kind) or kind) is Counter:
        return Counter(value)
    raise NotImplementedError(kind)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Remembered).decode


def _read_record(path: Path, kind: Any) -> Remembered | None:
    data = path.read_bytes()
    if hashlib.sha256(data[32:]).digest() != data[:32]:
        return None
    held = _decode(data[32:])
    held.result = msgspec.convert(held.result, kind, dec_hook=_decode_hook, str_keys=False)
    return held


def _link(source: Path, target: Path) -> None:
    """The same bytes at `target`: a second name of the file where the file system can, else a copy."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def memo_root() -> Path:
    """Where all memos lie. DVC names the main workspace, also to what runs in a temporary one."""
    return Path(os.environ.get("DVC_ROOT", ".")).resolve() / ".cache" / "memo"


@contextlib.contextmanager
def open_memo(task: str, params: object) -> Iterator[Memo | None]:
    """The memo of a task with the params that matter to it; None where none is used."""
    if not enabled() or code_changed():
        yield None
        return
    versions = [f"{name} {metadata.version(name)}" for name in LIBRARIES]
    what = [
        task,
        platform.python_version(),
        *versions,
        msgspec.json.encode(to_jsonable_python(params), order="sorted").decode(),
    ]
    memo = Memo(memo_root() / hashlib.sha256("\n".join([*what, code_hash()]).encode()).hexdigest()[:32])
    limit = max_bytes()
    try:
        yield memo
    finally:
        if code_changed():
            memo.forget()
        trim(limit)


def content_of(*paths: Path) -> list[str]:
    """The md5 of each file; empty where there is none."""
    return [hash_file(path) if path.exists() else "" for path in paths]


def remembering(
    memo: Memo | None,
    inputs: Callable[[], Iterable[str]],
    targets: Sequence[Path],
    kind: Any,
    make: Callable[[], R],
    sound: Callable[[R], bool] = lambda _: True,
) -> R:
    """What `make` returns, having written `targets`; from the memo where it was made of these inputs before.

    `kind` is the result's type. What is not `sound` is not remembered.
    """
    if memo is None:
        return make()
    key = memo.key(inputs())
    known = memo.recall(key, targets, kind)
    if known is not None:
        recalled: R = known.result
        return recalled
    result = make()
    if sound(result):
        memo.remember(key, targets, result)
    return result


def trim(limit: int) -> None:
    """Remove what was longest not used, until the memo holds at most `limit` bytes."""
    entries = []
    for entry in memo_root().glob("*/*"):
        with contextlib.suppress(OSError):  # another process trims too
            record = entry / _RECORD
            used = record.stat().st_mtime_ns if record.exists() else 0
            entries.append((used, entry, sum(file.stat().st_size for file in entry.iterdir())))
    held = sum(size for _, _, size in entries)
    for _, entry, size in sorted(entries):
        if held <= limit:
            break
        shutil.rmtree(entry, ignore_errors=True)
        with contextlib.suppress(OSError):
            entry.parent.rmdir()  # where it was the last
        held -= size
