"""A job's log for somebody elsewhere: whole lines only, and none that shows what is of this machine."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from service.jobs.log import PIECE, end_of, lines_of, read_lines
from service.shown import shown_lines

SECRET = "postgresql://u:hunter2secret@h/db"


def read(log: Path, start: int, ended: bool = True) -> str:
    found = b""
    while True:
        place, data = read_lines(log, start, ended)
        found += data
        if place + len(data) == start:
            return found.decode()
        start = place + len(data)


def test_wherever_somebody_begins_no_line_is_cut(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text(f"one\nselect: {SECRET}\n10%\r20%\rlast")
    for start in range(log.stat().st_size + 3):
        said = read(log, start)
        assert "hunter2secret" not in " ".join(shown_lines(said)), start
        assert said in ("", "last", "20%\rlast", "10%\r20%\rlast") or said.startswith(("one", "select: ")), start
    assert read(log, 4) == f"select: {SECRET}\n10%\r20%\rlast"
    # While it is written, the last line waits for its end.
    assert read(log, 0, ended=False) == f"one\nselect: {SECRET}\n"


def test_pieces_end_where_lines_do(tmp_path: Path) -> None:
    chance = random.Random(7)
    lines = [f"{n} {'x' * chance.randrange(3000)} {SECRET}\n" for n in range(200)]
    log = tmp_path / "log.txt"
    log.write_text("".join(lines))
    for ended in (True, False):
        assert read(log, 0, ended) == "".join(lines)
    place, data = read_lines(log, 0, ended=True)
    assert 0 < len(data) <= PIECE
    places = [end for end, _ in lines_of(place, data)]
    assert read(log, places[3]) == "".join(lines[4:])
    assert end_of(log).splitlines(keepends=True)[-5:] == lines[-5:]
    assert end_of(log).splitlines(keepends=True)[0] in lines


@pytest.mark.parametrize("ended", [True, False])
def test_a_line_longer_than_a_piece_is_left_out(tmp_path: Path, ended: bool) -> None:
    log = tmp_path / "log.txt"
    log.write_text(f"one\n{'y' * 3 * PIECE}\ntwo\n")
    assert read(log, 0, ended) == "one\ntwo\n"


def test_there_is_no_log_yet(tmp_path: Path) -> None:
    assert read_lines(tmp_path / "log.txt", 5, ended=False) == (5, b"")
    assert end_of(tmp_path / "log.txt") == ""


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("ERROR: /srv/private/data/a.json: bad", "ERROR: a.json: bad"),
        ("file:///srv/private/x/y.parquet is gone", "file:y.parquet is gone"),
        ("sqlite:////srv/private/x.db: no such table", "sqlite:x.db: no such table"),
        (f"select: {SECRET}", "select: postgresql://u:***@h/db"),
        ("s3://bucket/a/b is not there", "s3://bucket/a/b is not there"),
    ],
)
def test_paths_and_passwords_are_hidden(said: str, shown: str) -> None:
    assert list(shown_lines(said)) == [shown]


def test_what_dvc_warns_of_each_empty_folder_is_not_shown() -> None:
    said = "WARNING: 'data/scores' is empty.\nWARNING: 'data/scores' is odd.\n"
    assert list(shown_lines(said)) == ["WARNING: 'data/scores' is odd."]
