"""Text files that people bring: a file's form is told by its content."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import sqlite3
import tarfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from traces.errors import TracesError
from traces.text_files import encoding_of, read_lines, read_text

TEXT = '{"a": "caf\u00e9 \u4f60\u597d \U0001f600 \u2028"}\n\n{"b": 2}\n'
LINES = [(1, '{"a": "caf\u00e9 \u4f60\u597d \U0001f600 \u2028"}'), (3, '{"b": 2}')]
BOM = codecs.BOM_UTF8
FORMS = {
    "plain": TEXT.encode(),
    "a byte order mark": BOM + TEXT.encode(),
    "a mark on each line": BOM + TEXT.replace("\n", "\n\ufeff").encode(),
    "Windows line ends": BOM + TEXT.replace("\n", "\r\n").encode(),
    "UTF-16 little": codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
    "UTF-16 big": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    "UTF-16 little without a mark": TEXT.encode("utf-16-le"),
    "UTF-16 big without a mark": TEXT.encode("utf-16-be"),
    "UTF-16 with Windows line ends": TEXT.replace("\n", "\r\n").encode("utf-16"),
    "UTF-32": TEXT.encode("utf-32"),
    "UTF-32 without a mark": TEXT.encode("utf-32-be"),
    "no newline at the end": TEXT.rstrip("\n").encode("utf-16"),
}


def lines_of(path: Path) -> list[tuple[int, str]]:
    return [(number, line.decode().strip()) for number, line in read_lines(path)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_lines_are_read_whatever_the_encoding_the_packing_and_the_name(
    tmp_path: Path, form: str, name: str, pack: Callable[[bytes], bytes]
) -> None:
    (tmp_path / name).write_bytes(pack(FORMS[form]))
    assert lines_of(tmp_path / name) == LINES


@pytest.mark.parametrize("form", FORMS)
def test_a_text_is_read_without_its_mark(tmp_path: Path, form: str) -> None:
    (tmp_path / "x").write_bytes(FORMS[form])
    text, encoding = read_text(tmp_path / "x")
    assert text.startswith("{")
    assert FORMS[form].endswith(text.encode(encoding))


@pytest.mark.parametrize("form", ["plain", "a byte order mark", "UTF-16 little without a mark"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_pipe_that_gives_a_byte_at_a_time_is_read_too(
    tmp_path: Path, form: str, pack: Callable[[bytes], bytes]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("wb", buffering=0) as file:
            for byte in pack(FORMS[form]):
                file.write(bytes([byte]))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert lines_of(pipe) == LINES
    finally:
        writer.join()


def zip_of(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("x.jsonl", data)
    return made.getvalue()


def tar_of(data: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        held = tarfile.TarInfo("x.jsonl")
        held.size = len(data)
        archive.addfile(held, io.BytesIO(data))
    return made.getvalue()


def parquet_of(data: bytes) -> bytes:
    made = io.BytesIO()
    pq.write_table(pa.table({"text": [data]}), made)
    return made.getvalue()


def sqlite_of(data: bytes) -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE texts (data BLOB)")
    made: bytes = connection.serialize()
    connection.close()
    return made


@pytest.mark.parametrize(
    ("pack", "says"),
    [
        (zip_of, "this is a zip archive or an Excel workbook; unpack it first"),
        (lambda data: zip_of(data)[-22:], "this is an empty zip archive"),
        (bz2.compress, "this is bzip2 (.bz2); unpack it first"),
        (lzma.compress, "this is xz (.xz); unpack it first"),
        (lambda data: pa.compress(data, "zstd", asbytes=True), "this is Zstandard (.zst); unpack it first"),
        (tar_of, "this is a tar archive; unpack it first"),
        (lambda data: gzip.compress(tar_of(data)), "this is a tar archive; unpack it first"),
        (lambda data: gzip.compress(zip_of(data)), "this is a zip archive"),
        (lambda data: gzip.compress(gzip.compress(data)), "this is gzip inside gzip; unpack it once"),
        (parquet_of, "this is Parquet; write its rows as JSON Lines"),
        (sqlite_of, "this is a SQLite database; set TRACES_DATABASE_URL to it"),
        (lambda data: data.decode().encode("utf-16")[:-1], "cut off or damaged after line 2: not UTF-16"),
        (lambda data: gzip.compress(data.decode().encode("utf-16"))[:-12], "cut off or damaged after line "),
        (lambda _: codecs.BOM_UTF16_LE + b"{\0\n\0" + b"\x00\xd8a\0\n\0", "cut off or damaged after line "),
        (lambda _: b"\x1f\x8bnonsense", "cut off or damaged after line 0"),
    ],
)
def test_a_file_that_is_no_text_is_named_in_one_line(tmp_path: Path, pack: Callable[[bytes], bytes], says: str) -> None:
    for name in ("x.jsonl", "x.jsonl.gz"):
        (tmp_path / name).write_bytes(pack(TEXT.encode()))
        with pytest.raises(TracesError) as refused:
            list(read_lines(tmp_path / name))
        assert str(refused.value).startswith(f"{tmp_path / name}: {says}")
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (gzip.compress(b"x"), "this is gzip; unpack it first"),
        (zip_of(b"x"), "this is a zip archive or an Excel workbook"),
        ("gel\u00f6scht".encode("cp1252"), "byte 3: not UTF-8 (invalid "),
        ("text".encode("utf-16") + b"\n", "byte 10: not UTF-16-LE (truncated data); save the file as UTF-8"),
    ],
)
def test_a_text_that_is_none_is_named_in_one_line(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(TracesError) as refused:
        read_text(tmp_path / "x")
    assert str(refused.value).startswith(f"{tmp_path / 'x'}: {says}")


@pytest.mark.parametrize(
    "head", [b"", b"{", b"{}", b"{\0", b"a\0b{}", b"\0\0\0\0", b"\0" * 99, b"nons\0ense", b"{}\0\0"]
)
def test_zeros_alone_make_no_other_encoding(head: bytes) -> None:
    assert encoding_of(head) == "utf-8"


def test_lines_are_numbered_from_one_and_blank_ones_skipped(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b"a\n\n  \n\xef\xbb\xbf \nb")
    assert lines_of(tmp_path / "x.jsonl") == [(1, "a"), (5, "b")]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(TracesError, match=r"gone\.jsonl: No such file or directory"):
        list(read_lines(tmp_path / "gone.jsonl"))
    (tmp_path / "empty.gz").touch()
    with pytest.raises(TracesError, match=r"empty\.gz: cut off or damaged after line 0 \(the file is empty\)"):
        list(read_lines(tmp_path / "empty.gz"))
