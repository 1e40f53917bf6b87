"""Taking in JSON Lines: into a database, or into data/recorded/. All of it, or nothing.

A row is known by its id, so taking in the same file twice adds nothing; a row whose id is there with
other content is a bad line, never an overwrite.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from traces.batches import batches
from traces.embedded import build_embedded, embedded_label
from traces.errors import TracesError, WrongUse, one_line
from traces.files import file_aside, folder_lock, kept_folder
from traces.incoming import BadLine, IncomingRow, parse_line
from traces.recordings import recording_path, write_recording
from traces.store.open import open_writable, open_writer
from traces.store.write import BATCH_ROWS, StoreWriter
from traces.text_files import read_lines

NumberedLine = tuple[int, bytes]
Watch = Callable[[Iterable[NumberedLine], str], Iterable[NumberedLine]]


@dataclass
class Ingested:
    """How many rows were new, how many were there already, and how many lines were quarantined.

    `blank` counts the rows with a field that shows nothing, which a build will quarantine; `first_blank` says where.
    """

    added: int = 0
    present: int = 0
    quarantined: int = 0
    blank: int = 0
    first_blank: str | None = None

    def require_lines(self) -> None:
        """Refuse files without a line: such an export went wrong.

        Raises:
            TracesError: there was no line.
        """
        if not self.added + self.present + self.quarantined:
            raise TracesError("there is no line in any file; nothing was written")


class _AllBadError(Exception):
    """All lines are bad, so that a new database would be empty."""


class _BadLines:
    """Where bad lines go: into an error that stops everything, or into a file."""

    def __init__(self, file: IO[str] | None) -> None:
        self.file = file

    def take(self, path: Path, number: int, line: bytes, reason: str) -> None:
        if self.file is None:
            raise TracesError(
                f"{path}, line {number}: {reason}; nothing was written; mend the line, or set bad lines aside "
                "with --quarantine FILE"
            )
        held = {"file": str(path), "line": number, "reason": reason, "text": line.decode(errors="replace").rstrip("\n")}
        self.file.write(json.dumps(held, ensure_ascii=False) + "\n")


def ingest_into_store(url: str, paths: list[Path], created_us: int, quarantine: Path | None, watch: Watch) -> Ingested:
    """Add the rows of `paths` to the database at `url`, in one transaction; its table is made where it is missing.

    `created_us` is the time of lines that give none.

    Raises:
        TracesError: a file or a line is bad, or the database refuses; nothing was written then.
    """
    ingested = Ingested()
    with _bad_lines(quarantine, ingested) as bad, suppress(_AllBadError), open_writer(url) as writer:
        for path in paths:
            for _ in _new_rows(path, writer, created_us, bad, ingested, watch):
                pass
        ingested.require_lines()
        if not ingested.added + ingested.present:
            raise _AllBadError  # leaves the transaction, and no new database; the bad lines are set aside all the same
    return ingested


def ingest_into_recordings(
    folder: Path, paths: list[Path], created_us: int, quarantine: Path | None, watch: Watch
) -> Ingested:
    """Add the rows of `paths` that are new to the recordings in `folder`, one recording a file.

    Raises:
        TracesError: a file or a line is bad; nothing was written then.
    """
    ingested = Ingested()
    with ExitStack() as stack:
        stack.enter_context(kept_folder(folder))
        # One at a time: two that take in the same name at once would write over each other.
        stack.enter_context(folder_lock(folder))
        bad = stack.enter_context(_bad_lines(quarantine, ingested))
        # The recordings so far as a database: it knows every id, and memory does not grow with them.
        url = stack.enter_context(build_embedded(folder))
        engine, _ = open_writable(url)
        writer = stack.enter_context(StoreWriter(engine, embedded_label(folder)))
        taken: set[Path] = set()
        for path in paths:
            target = _free_name(folder, path, taken)
            taken.add(target)
            provenance: dict[str, object] = {"source": "ingest", "file": one_line(path.name)}
            file = stack.enter_context(write_recording(target, provenance))
            before = ingested.added
            for row in _new_rows(path, writer, created_us, bad, ingested, watch):
                file.write(row.line(created_us if row.created_us is None else row.created_us))
            provenance["traces"] = ingested.added - before
        ingested.require_lines()
    return ingested


def _new_rows(
    path: Path, writer: StoreWriter, created_us: int, bad: _BadLines, ingested: Ingested, watch: Watch
) -> Iterator[IncomingRow]:
    """Add a file's rows through `writer`, and yield those that were new."""
    lines = watch(read_lines(path), path.name)
    for batch in batches(lines, BATCH_ROWS, lambda numbered: len(numbered[1])):
        numbered: list[NumberedLine] = []
        rows: list[IncomingRow] = []
        for number, line in batch:
            try:
                row = parse_line(line)
                rows.append(row)
                numbered.append((number, line))
                if row.blank is not None:
                    ingested.blank += 1
                    ingested.first_blank = ingested.first_blank or f"{path}, line {number}: {row.blank}"
            except BadLine as error:
                bad.take(path, number, line, one_line(str(error)))
                ingested.quarantined += 1
        outcome = writer.add(rows, created_us)
        for index in outcome.conflicting:
            what = f"id {rows[index].id} is there already, with other content or another created_at"
            bad.take(path, *numbered[index], what)
            ingested.quarantined += 1
        ingested.added += len(outcome.added)
        ingested.present += len(outcome.present)
        yield from (rows[index] for index in outcome.added)


@contextmanager
def _bad_lines(quarantine: Path | None, ingested: Ingested) -> Iterator[_BadLines]:
    if quarantine is None:
        yield _BadLines(None)
        return
    if quarantine.exists():
        raise WrongUse(f"--quarantine {quarantine}: exists; name a new file")
    with ExitStack() as stack:
        stack.enter_context(kept_folder(quarantine.parent))
        aside = stack.enter_context(file_aside(quarantine))
        with aside.open("w", encoding="utf-8", newline="\n") as file:
            yield _BadLines(file)
        if not ingested.quarantined:
            aside.unlink()


def _free_name(folder: Path, path: Path, taken: set[Path]) -> Path:
    """NAME.jsonl.gz after the file's own name, numbered where that is taken."""
    stem = path.name.removesuffix(".gz").removesuffix(".jsonl").removesuffix(".json")
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in stem).lstrip(".-") or "ingested"
    target, number = recording_path(folder, name), 1
    while target.exists() or target in taken:
        number += 1
        target = recording_path(folder, f"{name}-{number}")
    return target
