"""A job's log in pieces. Only whole lines are passed on: what hides secrets and paths in them looks at lines."""

from __future__ import annotations

from pathlib import Path

PIECE = 1 << 16  # bytes
_ENDS = (b"\n", b"\r")  # a progress bar's lines end in the second


def read_lines(log: Path, start: int, ended: bool) -> tuple[int, bytes]:
    """Whole lines from byte `start` on, and where they begin; the last one without its end where the log has ended.

    A line that `start` is in the middle of is left out, and so is one that is longer than a piece. Where nothing comes,
    the place is where to look next.
    """
    before = max(0, start - 1)
    try:
        with log.open("rb") as file:
            file.seek(before)
            data = file.read(PIECE)
    except FileNotFoundError:
        return start, b""
    full = len(data) == PIECE
    skipped = 0
    if start:
        skipped = 1 if data[:1] in _ENDS else data.find(b"\n") + 1 or len(data)
    place, data = before + skipped, data[skipped:]
    if place < start:  # past the end of the log
        return start, b""
    end = data.rfind(b"\n") + 1
    if ended and not full:
        return place, data
    if full and not end:
        return place + len(data), b""
    return place, data[:end]


def end_of(log: Path) -> str:
    """The last lines of a log; empty where there is none."""
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return ""
    return read_lines(log, max(0, size - PIECE + 1), ended=True)[1].decode(errors="replace")


def lines_of(place: int, data: bytes) -> list[tuple[int, str]]:
    """Each line of a piece that begins at byte `place`, with the byte after it."""
    found = []
    for line in data.splitlines(keepends=True):
        place += len(line)
        found.append((place, line.decode(errors="replace")))
    return found
