"""Records of an export, by number: JSON Lines read where they lie, a line at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
import numpy as np

from traces.errors import TracesError, one_line

SPLITS = ("train", "validation", "test")
R = TypeVar("R")


class JsonLines(Sequence[R], Generic[R]):
    """The records of some files as a sequence; in memory are 8 bytes a record, its place.

    A Grain data source: `grain.MapDataset.source` takes it, and it can be sent to another process.
    """

    def __init__(self, paths: Sequence[Path], kind: type[R]) -> None:
        self.paths, self.kind = list(paths), kind
        self._decoder = msgspec.json.Decoder(kind)
        starts = [_line_starts(path) for path in self.paths]
        self._starts = np.concatenate([np.zeros(0, dtype=np.int64), *starts])
        self._first = np.cumsum([0, *map(len, starts)])  # of each file, the number of its first record

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: int) -> R:  # type: ignore[override]  # a slice of a data source is Grain's own
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        number %= len(self)
        file = int(np.searchsorted(self._first, number, side="right")) - 1
        with self.paths[file].open("rb") as lines:
            lines.seek(int(self._starts[number]))
            return self._decode(lines.readline(), file, number)

    def __iter__(self) -> Iterator[R]:
        number = 0
        for file, path in enumerate(self.paths):
            with path.open("rb") as lines:
                for line in lines:
                    yield self._decode(line, file, number)
                    number += 1

    def _decode(self, line: bytes, file: int, number: int) -> R:
        try:
            return self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeError) as error:
            line_number = number - int(self._first[file]) + 1
            raise TracesError(f"{self.paths[file]}, line {line_number}: {one_line(str(error))}") from None

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "_decoder"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._decoder = msgspec.json.Decoder(self.kind)


def export_files(source: str | Path, split: str | None = None) -> list[Path]:
    """The JSON Lines files that `source` names, in order: one file, a pattern, or an export's folder and a split.

    Raises:
        TracesError: there is none.
    """
    path = Path(source)
    if split is not None and split not in SPLITS:
        raise TracesError(f"split {split!r}: not one of {', '.join(SPLITS)}")
    if path.is_dir():
        found = sorted(path.glob(f"{split or '*'}-*.jsonl"))
    else:
        found = [path] if path.is_file() else sorted(path.parent.glob(path.name or "*.jsonl"))
    if not found:
        wanted = f" of split {split}" if split else ""
        raise TracesError(f"{source}: no JSON Lines{wanted} here; `dvc repro` or `dvc pull` brings them")
    return found


def _line_starts(path: Path) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where each line of a file begins, in bytes."""
    ends: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = [np.zeros(1, dtype=np.int64)]
    offset = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 22):
            ends.append(np.flatnonzero(np.frombuffer(piece, np.uint8) == ord("\n")) + (offset + 1))
            offset += len(piece)
    starts = np.concatenate(ends)
    # A newline at the very end begins no line.
    return starts[:-1] if starts[-1] == offset else starts
