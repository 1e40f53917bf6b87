"""Text files that people bring. What a file holds is told by its first bytes, never by its name.

Taken are UTF-8, UTF-16 and UTF-32, each with or without a byte order mark; by `read_lines` also inside gzip. An
archive, a workbook or a table of another format is refused in a line that names it.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

from traces.errors import TracesError

HEAD_BYTES = 512
_GZIP = b"\x1f\x8b"
_UNPACK = "unpack it first"
_ROWS = "write its rows as JSON Lines"
# What a file begins with that is no text: its name, and what to do.
_NO_TEXT = {
    b"PK\x03\x04": f"a zip archive or an Excel workbook; {_UNPACK}, or save the workbook as CSV UTF-8",
    b"PK\x05\x06": "an empty zip archive; name another file",
    b"\x28\xb5\x2f\xfd": f"Zstandard (.zst); {_UNPACK}",
    b"BZh": f"bzip2 (.bz2); {_UNPACK}",
    b"\xfd7zXZ\0": f"xz (.xz); {_UNPACK}",
    b"7z\xbc\xaf\x27\x1c": f"a 7-Zip archive; {_UNPACK}",
    b"\x04\x22\x4d\x18": f"LZ4 (.lz4); {_UNPACK}",
    b"PAR1": f"Parquet; {_ROWS}",
    b"ARROW1": f"an Arrow file; {_ROWS}",
    b"SQLite format 3\0": "a SQLite database; set TRACES_DATABASE_URL to it, or write its rows as JSON Lines",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls); save it as CSV UTF-8",
}
_TAR = (257, b"ustar")
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def no_text(head: bytes) -> str | None:
    """What a file is that begins with `head`, and what to do, if it is a known kind that is no text; else None."""
    if head[_TAR[0] :].startswith(_TAR[1]):
        return f"a tar archive; {_UNPACK}"
    return next((what for start, what in _NO_TEXT.items() if head.startswith(start)), None)


def encoding_of(head: bytes) -> str:
    """The encoding of a text that begins with `head`: utf-8, or utf-16 or utf-32 with its byte order.

    Without a mark it is told as JSON's is, by the zeros among the first bytes. That needs two ASCII characters.
    """
    if marked := next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), None):
        return marked
    encoding = json.detect_encoding(head)
    width = {"utf-16": 2, "utf-32": 4}.get(encoding[:6], 0)
    if not width or len(head) < 2 * width:
        return "utf-8"
    first = head[: 2 * width].decode(encoding, errors="replace")
    return encoding if first.isascii() and "\0" not in first else "utf-8"


def read_text(path: Path) -> tuple[str, str]:
    """A whole file's text without its mark, and the encoding that it has.

    Raises:
        TracesError: it is no text; the message names what it is.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    if what := f"gzip; {_UNPACK}" if data.startswith(_GZIP) else no_text(data[:HEAD_BYTES]):
        raise TracesError(f"{path}: this is {what}")
    encoding = encoding_of(data[:HEAD_BYTES])
    try:
        return data.decode(encoding).removeprefix("\ufeff"), encoding
    except UnicodeDecodeError as error:
        raise TracesError(f"{path}: byte {error.start}: {_not_decoded(error)}") from None


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, as UTF-8, with their numbers from 1. A gzip file is unpacked.

    A byte order mark goes from the start of every line, since files that have one get joined.

    Raises:
        TracesError: the file cannot be read, is no text, or was cut off in the middle.
    """
    number = 0
    try:
        if path.suffix == ".gz" and path.is_file() and path.stat().st_size == 0:
            raise EOFError("the file is empty")
        with ExitStack() as opened:
            for number, line in enumerate(_lines(path, opened), 1):
                text = line.removeprefix(codecs.BOM_UTF8)
                if text.strip():
                    yield number, text
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TracesError(
            f"{path}: cut off or damaged after line {number} ({error}); fetch or record it again"
        ) from None
    except UnicodeDecodeError as error:
        # A reader counts bytes from where its piece began, so the place would be wrong.
        raise TracesError(f"{path}: cut off or damaged after line {number}: {_not_decoded(error)}") from None
    except OSError as error:
        raise TracesError(f"{path}: {error.strerror or error}") from None


def _lines(path: Path, opened: ExitStack) -> Iterator[bytes]:
    head, file = _peeked(opened.enter_context(cast("BinaryIO", path.open("rb", buffering=0))))
    if head.startswith(_GZIP):
        head, file = _peeked(opened.enter_context(cast("BinaryIO", gzip.GzipFile(fileobj=file))))
        if head.startswith(_GZIP):
            raise TracesError(f"{path}: this is gzip inside gzip; unpack it once")
    if what := no_text(head):
        raise TracesError(f"{path}: this is {what}")
    encoding = encoding_of(head)
    if encoding == "utf-8":
        yield from file
        return
    # Only a newline ends a line, as in UTF-8; U+2028 in a text does not.
    for line in opened.enter_context(io.TextIOWrapper(file, encoding, newline="\n")):
        yield line.encode()


def _not_decoded(error: UnicodeDecodeError) -> str:
    return f"not {error.encoding.upper()} ({error.reason}); save the file as UTF-8"


class _Rejoined(io.RawIOBase):
    """A stream whose first bytes were read ahead. A pipe cannot be wound back."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # the two that readers pass
        data = self._head[: len(buffer)] or self._rest.read(len(buffer))
        self._head = self._head[len(data) :] if self._head else b""
        buffer[: len(data)] = data
        return len(data)


def _peeked(file: BinaryIO) -> tuple[bytes, BinaryIO]:
    """The first bytes of a stream, and the stream with these bytes still to be read."""
    head = b""
    while len(head) < HEAD_BYTES and (piece := file.read(HEAD_BYTES - len(head))):
        head += piece
    return head, io.BufferedReader(_Rejoined(head, file), 1 << 18)
