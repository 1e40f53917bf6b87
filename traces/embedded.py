"""The embedded store: a SQLite file built on the fly from data/recorded/, gone when it is closed.

Recordings are versioned input, so this store is there in any clone and in DVC's temporary workspaces.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from traces.batches import batches
from traces.errors import TracesError
from traces.files import scratch_folder
from traces.incoming import IncomingRow
from traces.recordings import RECORDED, read_recording, recordings, require_recordings
from traces.store.base import Store
from traces.store.open import open_store, open_writable
from traces.store.write import BATCH_ROWS, StoreWriter


def embedded_label(folder: Path) -> str:
    """How messages name the embedded store."""
    return f"embedded store ({folder.as_posix()}/)"


@contextmanager
def build_embedded(folder: Path = RECORDED) -> Iterator[str]:
    """The URL of a SQLite file that holds the recordings in `folder`.

    Raises:
        TracesError: a recording is damaged, two hold one id, or a file in `folder` is no recording.
    """
    require_recordings(folder)
    with scratch_folder("traces", Path(tempfile.gettempdir()), 0o700) as scratch:
        url = f"sqlite:///{scratch}/traces.db"
        engine, _ = open_writable(url)
        with StoreWriter(engine, f"{embedded_label(folder)} in {scratch.parent}") as writer:
            for path in recordings(folder):
                _load(path, writer)
        yield url


def _load(path: Path, writer: StoreWriter) -> None:
    for batch in batches(read_recording(path), BATCH_ROWS, lambda numbered: len(numbered[1].payload)):
        outcome = writer.add([row for _, row in batch], default_us=0)
        for index in (*outcome.present, *outcome.conflicting):
            number, row = batch[index]
            raise TracesError(f"{path}, line {number}: id {row.id} is {_elsewhere(path, row)}; remove one of the two")


def _elsewhere(path: Path, row: IncomingRow) -> str:
    for other in recordings(path.parent):
        if other != path and any(found.id == row.id for _, found in read_recording(other)):
            return f"in {other} too"
    return "in it twice"


@contextmanager
def open_configured(url: str | None, folder: Path = RECORDED) -> Iterator[Store]:
    """The store at `url`, or the embedded one where `url` is unset or empty.

    Raises:
        TracesError: it cannot be opened.
    """
    if url:
        with open_store(url) as store:
            yield store
        return
    with build_embedded(folder) as built, open_store(built) as store:
        store.label = embedded_label(folder)
        yield store
