"""data/recorded/: traces kept in Git, each NAME.jsonl.gz of whole rows with a NAME.provenance.json."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from traces.errors import TracesError, one_line
from traces.files import file_aside, write_text
from traces.ignored import is_excluded, list_files
from traces.incoming import BadLine, IncomingRow, parse_line
from traces.text_files import read_lines

RECORDED = Path("data/recorded")
SUFFIX = ".jsonl.gz"
PROVENANCE = ".provenance.json"


def recording_path(folder: Path, name: str) -> Path:
    """Where the recording NAME lies.

    Raises:
        TracesError: NAME is not a plain file name, or one that .dvcignore excludes.
    """
    if not name or name.startswith(".") or not all(c.isalnum() or c in "-_." for c in name):
        raise TracesError(f"recording name {name!r}: letters, digits, `-`, `_` and `.` only")
    path = folder / f"{name}{SUFFIX}"
    if is_excluded(path):
        raise TracesError(f"{path}: .dvcignore excludes it, so it would not be read; take another name, or change that")
    return path


def recordings(folder: Path) -> list[Path]:
    """The recordings in `folder`, in the order of their names; no hidden file, and none that .dvcignore excludes."""
    return [folder / name for name in list_files(folder) if name.endswith(SUFFIX) and _is_plain(name)]


def require_recordings(folder: Path) -> None:
    """Refuse a file in `folder` that is not part of a recording: DVC hashes it, and other clones do not have it.

    Raises:
        TracesError: there is one, and .dvcignore does not exclude it.
    """
    for name in list_files(folder):
        if not (_is_plain(name) and name.endswith((SUFFIX, PROVENANCE, "README.md"))):
            raise TracesError(
                f"{folder / one_line(name)}: no recording (NAME{SUFFIX} with NAME{PROVENANCE}); "
                "move or remove it, or add its name to .dvcignore"
            )


def _is_plain(name: str) -> bool:
    return "/" not in name and not name.startswith(".")


def read_recording(path: Path) -> Iterator[tuple[int, IncomingRow]]:
    """The rows of a recording, with their line numbers.

    Raises:
        TracesError: the recording was cut off, or a line is not a row with a time.
    """
    for number, line in read_lines(path):
        try:
            row = parse_line(line)
        except BadLine as error:
            raise TracesError(f"{path}, line {number}: {error}; restore the file with `git checkout`") from None
        if row.created_us is None:
            raise TracesError(
                f"{path}, line {number}: no created_at; a recording holds whole rows, see `traces ingest`"
            )
        yield number, row


@contextmanager
def write_recording(path: Path, provenance: dict[str, Any]) -> Iterator[IO[bytes]]:
    """A file to write a recording's lines to. It and its provenance appear whole, or not at all.

    `provenance` is written on leaving, so that counts can be added to it meanwhile. Without lines there
    is no recording.
    """
    with file_aside(path) as aside:
        # No name and no time in the gzip header: the same rows give the same bytes.
        with aside.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
            yield cast("IO[bytes]", file)
            empty = file.tell() == 0
        if empty:
            aside.unlink()
            return
        text = json.dumps(provenance, indent=2, ensure_ascii=False) + "\n"
        write_text(path.with_name(path.name.removesuffix(SUFFIX) + PROVENANCE), text)
