"""`python -m service.recording GAME COUNT SEED`: games of UNGAR's into the store; what was written, as JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from traces.errors import TracesError
from traces.recordings import RECORDED, recording_path
from traces.store import DATABASE_URL
from traces.times import require_us
from traces.ungar.install import INSTALL, ungar_version
from traces.ungar.keeping import EVERY_S, START, to_recording, to_store

if TYPE_CHECKING:
    from traces.incoming import IncomingRow

NOT_INSTALLED, CANNOT_WRITE = 3, 4  # exit codes
PREVIEW = 3


class _Seen:
    """Passes rows on, and keeps their ids and the first of them."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.first: list[dict[str, Any]] = []

    def of(self, played: Iterable[list[IncomingRow]], start_us: int) -> Iterator[list[IncomingRow]]:
        for rows in played:
            for row in rows:
                self.ids.append(row.id)
                if len(self.first) < PREVIEW:
                    self.first.append(json.loads(row.line(start_us if row.created_us is None else row.created_us)))
            yield rows


def main(game: str, count: int, seed: int) -> None:
    """Record them; exits with one of the codes above where that cannot be."""
    if ungar_version() is None:
        print(f"UNGAR is not installed: {INSTALL}", file=sys.stderr)
        sys.exit(NOT_INSTALLED)
    from traces.ungar.record import record_episodes

    start_us, seen = require_us(START, "start"), _Seen()
    played = seen.of(record_episodes(game, count, seed, start_us, EVERY_S), start_us)
    url = os.environ.get(DATABASE_URL)
    try:
        if url:
            to_store(url, played)
            where = "the store"
        else:
            path = recording_path(RECORDED, f"{game}-{seed}")
            if path.exists():
                raise TracesError(f"{path}: exists; take another seed")
            to_recording(path, played, game, count, seed, start_us, EVERY_S)
            where = path.as_posix()
    except (TracesError, OSError) as error:
        print(str(error), file=sys.stderr)
        sys.exit(CANNOT_WRITE)
    held = {"game": game, "count": count, "seed": seed, "written": where}
    print(json.dumps({**held, "ids": seen.ids, "preview": seen.first}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
