"""The md5 of files that nobody has touched since they were last read, as Git's index and DVC's state know them, too.

The manifest and the gate hash the same files, one after the other. Part of the memo, and off where that is.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from stages.runtime.memo import enabled, memo_root
from traces.files import file_aside, hash_file

# A file that was written just now may be written again within one tick of the clock, and look the same.
SETTLED_NS = 2_000_000_000


class _Known(msgspec.Struct, array_like=True):
    """What tells one state of a file from another, and its md5. No program can set `changed_ns`, the inode's ctime."""

    size: int
    inode: int
    modified_ns: int
    changed_ns: int
    md5: str


_decode = msgspec.msgpack.Decoder(dict[str, _Known]).decode
_encode = msgspec.msgpack.Encoder().encode


@contextlib.contextmanager
def known_hashes() -> Iterator[Callable[[Path], str]]:
    """The function from a file to its md5 (hex). It may be called by several threads."""
    if not enabled():
        yield hash_file
        return
    path = memo_root() / "hashes"
    held, seen = _read(path), dict[str, _Known]()

    def md5(file: Path) -> str:
        name = str(file.absolute())
        now, known = _state(file), held.get(name)
        if known is None or msgspec.structs.replace(known, md5="") != now:
            settled = max(now.modified_ns, now.changed_ns) < time.time_ns() - SETTLED_NS
            known = msgspec.structs.replace(now, md5=hash_file(file))
            if not settled:
                return known.md5
        seen[name] = known
        return known.md5

    yield md5
    _write(path, seen)


def _state(file: Path) -> _Known:
    held = file.stat()
    return _Known(held.st_size, held.st_ino, held.st_mtime_ns, held.st_ctime_ns, "")


def _read(path: Path) -> dict[str, _Known]:
    try:
        data = path.read_bytes()
        return _decode(data[32:]) if hashlib.sha256(data[32:]).digest() == data[:32] else {}
    except (OSError, msgspec.DecodeError):
        return {}


def _write(path: Path, seen: dict[str, _Known]) -> None:
    body = _encode(seen)
    with contextlib.suppress(OSError), file_aside(path) as aside:  # a memo is no promise
        aside.write_bytes(hashlib.sha256(body).digest() + body)
