"""Where games that were played are kept: a recording, or a database."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traces.incoming import IncomingRow

START, EVERY_S = "2026-01-01T00:00:00+00:00", 60  # when the first game was, and how long after it the next, unless said


def to_recording(
    path: Path, played: Iterable[list[IncomingRow]], game: str, episodes: int, seed: int, start_us: int, every_s: int
) -> int:
    """Write the games as a recording with its provenance; the count of its traces."""
    from traces.files import folder_lock
    from traces.recordings import write_recording
    from traces.ungar.play import load_spec
    from traces.ungar.record import recording_provenance

    load_spec(game)  # first, so that a missing UNGAR is what is said
    provenance = recording_provenance(game, episodes, seed, start_us, every_s)
    count = 0
    with folder_lock(path.parent), write_recording(path, provenance) as file:
        for rows in played:
            file.writelines(row.line(start_us if row.created_us is None else row.created_us) for row in rows)
            count += len(rows)
        provenance["traces"] = count
    return count


def to_store(url: str, played: Iterable[list[IncomingRow]]) -> tuple[str, int]:
    """Add the games to a database, in one transaction; its name and the count of traces that were new."""
    from traces.store import open_writer
    from traces.store.write import BATCH_ROWS

    count = 0
    with open_writer(url) as writer:
        for rows in played:
            for start in range(0, len(rows), BATCH_ROWS):
                outcome = writer.add(rows[start : start + BATCH_ROWS], default_us=0)
                count += len(outcome.added)
    return writer.label, count
