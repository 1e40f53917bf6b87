"""Records of an export, by number: JSON Lines read where they lie, a line at a time."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from glob import glob
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
import numpy as np

from traces.errors import TracesError, WrongUse, one_line
from traces.text_files import HEAD_BYTES, encoding_of, no_text

SPLITS = ("train", "validation", "test")
R = TypeVar("R")
_AGAIN = "`dvc repro` makes an export's files again"


class JsonLines(Sequence[R], Generic[R]):
    """The records of some files as a sequence; in memory are 8 bytes a record, its place.

    A Grain data source: `grain.MapDataset.source` takes it, and it can be sent to another process.
    """

    def __init__(self, paths: Sequence[Path], kind: type[R], format_name: str) -> None:
        self.paths, self.kind, self.format_name = list(paths), kind, format_name
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
            return self._decode(lines.readline(), number)

    def __iter__(self) -> Iterator[R]:
        number = 0
        for path in self.paths:
            with path.open("rb") as lines:
                for line in lines:
                    yield self._decode(line, number)
                    number += 1

    def place(self, number: int) -> str:
        """Where a record stands: `FILE, line N`."""
        file = int(np.searchsorted(self._first, number, side="right")) - 1
        return f"{self.paths[file]}, line {number - int(self._first[file]) + 1}"

    def _decode(self, line: bytes, number: int) -> R:
        try:
            return self._decoder.decode(line)
        except msgspec.ValidationError as error:
            fault = f"no {self.format_name} record ({one_line(str(error))}); name an export of {self.format_name}"
        except (msgspec.DecodeError, UnicodeError) as error:
            said = one_line(str(error)) if line.strip() else "a blank line, which no export has"
            fault = f"{said}; mend it, or {_AGAIN}"
        raise TracesError(f"{self.place(number)}: {fault}")

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "_decoder"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._decoder = msgspec.json.Decoder(self.kind)


def open_export(
    source: str | Path, split: str | None, kind: type[R], format_name: str, reader: type[JsonLines[R]] = JsonLines
) -> JsonLines[R]:
    """The records that `export_files` finds, to be read as `kind` by a `reader`.

    Raises:
        TracesError: there are none.
    """
    paths = export_files(source, split)
    records = reader(paths, kind, format_name)
    if not records:
        raise TracesError(f"{source}: no records, {_few(paths)} empty, which an export's never are; {_AGAIN}")
    return records


def export_files(source: str | Path, split: str | None = None) -> list[Path]:
    """The JSON Lines files that `source` names, in order: one file, a pattern, or an export's folder and a split.

    Raises:
        TracesError: there is none.
    """
    path = Path(source)
    if split is not None and split not in SPLITS:
        raise TracesError(f"split {split!r}: not one of {', '.join(SPLITS)}")
    if not str(source).strip():  # an unset variable in a script, and not the working directory
        raise WrongUse("an empty name; name an export's folder, a file or a pattern")
    if path.is_file():
        return [path]
    found = sorted(path.glob(f"{split or '*'}-*.jsonl")) if path.is_dir() else _matching(path)
    if not found:
        raise TracesError(f"{source}: {_nothing(path, split)}")
    return found


def _matching(pattern: Path) -> list[Path]:
    """The files that a pattern names, whichever of its folders has the wildcard."""
    base = next(parent for parent in pattern.parents if parent.is_dir())
    names = glob(str(pattern.relative_to(base)), root_dir=base, recursive=True)  # noqa: PTH207 - takes `x**` too
    return sorted(base / name for name in names if (base / name).is_file())


def _nothing(path: Path, split: str | None) -> str:
    """Why a folder or a pattern has no file, and what to do."""
    if not path.is_dir():
        return (
            "no such file or folder, and no pattern that a file matches; mend the name, or where it is right "
            "`dvc repro` or `dvc pull` brings data/export/"
        )
    if there := sorted(path.iterdir()):
        return f"no {split or 'SPLIT'}-*.jsonl here, but {_few(there)}; name a file, or a pattern"
    return (
        "an empty folder, as of a format that export.formats in params.yaml does not name; "
        "`dvc repro` or `dvc pull` brings the files of those that it names"
    )


def _few(paths: Sequence[Path]) -> str:
    """The names of the first few, and how many more there are."""
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(path.name for path in paths[:3]) + more


def _no_lines(head: bytes) -> str | None:
    """What a file is that begins with `head`, and what to do, if some other tool has written it; else None."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip, not JSON Lines; unpack it first"
    if head.startswith(codecs.BOM_UTF8):
        return f"begins with a byte order mark, which no export does; take it out, or {_AGAIN}"
    if (encoding := encoding_of(head)) != "utf-8":
        return f"{encoding.upper()}, not UTF-8, which every export is; save it as UTF-8, or {_AGAIN}"
    return no_text(head)


def _line_starts(path: Path) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where each line of a file begins, in bytes."""
    ends: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = [np.zeros(1, dtype=np.int64)]
    offset = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 22):
            if offset == 0 and (what := _no_lines(piece[:HEAD_BYTES])):
                raise TracesError(f"{path}: {what}")
            ends.append(np.flatnonzero(np.frombuffer(piece, np.uint8) == ord("\n")) + (offset + 1))
            offset += len(piece)
    starts = np.concatenate(ends)
    # A newline at the very end begins no line.
    return starts[:-1] if starts[-1] == offset else starts
