"""DVC's cache: files under the md5 of their content, folders as listings of them."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from traces.errors import TracesError, one_line
from traces.files import hash_file

_MD5 = re.compile(r"[0-9a-f]{32}")


def parse_listing(md5: str, data: bytes) -> dict[str, str] | None:
    """The files of a folder by their path in it, each with its md5; None if `data` is not the listing of this hash."""
    if f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}.dir" == md5:
        with suppress(KeyError, TypeError, ValueError):
            files = {item["relpath"]: item["md5"] for item in json.loads(data)}
            # Whoever wrote it: a hash names a file in the cache, and none elsewhere.
            if all(_MD5.fullmatch(file_md5) for file_md5 in files.values()):
                return files
    return None


@dataclass(frozen=True)
class Objects:
    """The cache in a folder, as DVC 3 lays it out."""

    folder: Path

    def path(self, md5: str) -> Path:
        """Where the object with this hash lies, if it is there."""
        return self.folder / "files" / "md5" / md5[:2] / md5[2:]

    def listing(self, md5: str) -> dict[str, str] | None:
        """The files of a folder by their path in it, each with its md5; None where the listing is not here.

        Raises:
            TracesError: it is not what its name says.
        """
        path = self.path(md5)
        if not path.is_file():
            return None
        files = parse_listing(md5, path.read_bytes())
        if files is None:
            raise TracesError(f"{path}: damaged; remove it, then `dvc pull` or `dvc repro`")
        return files

    def damaged(self, md5: str) -> list[Path]:
        """What is not what its name says, of the object with this hash and, where that is a folder's, of its files'."""
        path = self.path(md5)
        if not md5.endswith(".dir"):
            return [path] if path.is_file() and hash_file(path) != md5 else []
        try:
            listing = self.listing(md5) or {}
        except TracesError:
            return [path]
        return [file for wanted in sorted({*listing.values()}) for file in self.damaged(wanted)]

    def remove_damaged(self, md5s: Iterable[str]) -> list[Path]:
        """Remove what is damaged of these objects, so that DVC misses it, and return where it was.

        DVC takes an object that is read-only, as it makes them all, for sound without a look: it would bring a damaged
        one back each time, and put it in the place of a sound output that a stage has just made.
        """
        damaged = sorted({path for md5 in md5s for path in self.damaged(md5)})
        for path in damaged:
            path.unlink(missing_ok=True)
        return damaged


def open_objects() -> Objects:
    """The cache of the repository in the working directory, by what DVC says.

    Raises:
        TracesError: this is no DVC repository.
    """
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "cache", "dir"], capture_output=True, check=False, encoding="utf-8"
    )
    if done.returncode:
        raise TracesError(f"dvc cache dir: {one_line(done.stderr.strip())}")
    return Objects(Path(done.stdout.strip()).absolute())
