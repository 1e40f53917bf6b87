"""DVC's cache: files under the md5 of their content, folders as listings of them."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from traces.errors import TracesError, one_line

_MD5 = re.compile(r"[0-9a-f]{32}")


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
        data = path.read_bytes()
        if f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}.dir" == md5:
            with suppress(KeyError, TypeError, ValueError):
                files = {item["relpath"]: item["md5"] for item in json.loads(data)}
                # Whoever wrote it: a hash names a file in the cache, and none elsewhere.
                if all(_MD5.fullmatch(file_md5) for file_md5 in files.values()):
                    return files
        raise TracesError(f"{path}: damaged; remove it, then `dvc pull` or `dvc repro`")


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
