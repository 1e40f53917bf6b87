"""A dataset of traces that want to be more than text, its page, and the page's HTML as a reader of it sees it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from tests.stages.lockfile import build, rebuild, set_params
from tests.support.samples import payload, row, stored, write_sqlite
from traces.store import DATABASE_URL

SCRIPT = "<script>window.ran = 1</script>"
BREAKOUT = '</pre></style></svg><img src="https://example.invalid/x" onerror="window.ran = 1">{{ 7 * 7 }}'
HIDDEN = "\u202e\x1b[31m\x85"
GAMES = [
    "sums",
    SCRIPT,
    f'" onload="window.ran = 1{HIDDEN}',
    "a name of a game that is longer than a line of a drawing",
]
# Names that are wide: what is cut by a number of characters runs over what stands beside it.
WIDE_NAMES = [
    "W" * 300,
    "M" * 27,
    "牌" * 54,
    "😀" * 40,
    "0" * 60,
    "Щ" * 40,
    "e" + "\u0301\u0316" * 300,
    "\ufdfd" * 20,
]


def hostile_rows() -> Iterator[tuple[str, str, str, str]]:
    """240 rows: 4 that are no traces, 36 that the filter leaves out, and of the others every tenth said before."""
    for number in range(240):
        trace_id, time, version, _ = stored(number)
        if number % 60 == 7:
            yield trace_id, time, version, "{}"
            continue
        said = number - 21 if number % 10 == 9 and number > 21 else number
        meta = {**payload(number)["meta"], "game": GAMES[said % 4], "source": "web" if number % 20 < 3 else "ungar"}
        steps = [{"i": i, "type": "think", "content": f"{said} {BREAKOUT}{HIDDEN}"} for i in range(1 + said % 5)]
        long = "y" * (40 * (said % 20)) + "z" * (9000 if said % 20 == 11 else 0)
        prompt = f"What is {said}? {BREAKOUT} {long}"
        yield stored(number, prompt=prompt, steps=steps, meta=meta, final_answer=f"{said}")


def build_hostile(folder: Path) -> None:
    """Build the dataset of `hostile_rows` in a laid out workspace: of its traces the newest 190."""
    with chdir(folder):
        os.environ[DATABASE_URL] = write_sqlite(folder / "store.db", hostile_rows())
        set_params(extract={"max_quarantined": 9}, selection={"strategy": "latest", "limit": 190})
        rebuild()


def build_wide(folder: Path) -> None:
    """Build a dataset of games and sources with `WIDE_NAMES` in a laid out workspace."""
    metas = [
        {**payload(number)["meta"], "game": WIDE_NAMES[number % 8], "source": WIDE_NAMES[number % 8]}
        for number in range(160)
    ]
    with chdir(folder):
        set_params(filters={"source": None})
        build(row(number, meta=meta) for number, meta in enumerate(metas))


@dataclass
class Element:
    """An element of the page with the text in it."""

    name: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Reader(HTMLParser):
    """All elements of a page, in their order."""

    elements: list[Element] = field(default_factory=list)
    _open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        element = Element(tag, {key: value or "" for key, value in attrs})
        self.elements.append(element)
        if tag not in ("meta", "link"):
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().name == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def __hash__(self) -> int:
        return id(self)


def read_page(text: str) -> list[Element]:
    """The page's elements; all that are opened are closed, in the right order."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert not reader._open
    return reader.elements
