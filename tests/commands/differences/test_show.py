"""What a comparison shows: names come out of traces, and a comment on a pull request obeys what it is given."""

from __future__ import annotations

from collections import Counter

import pytest

from commands.differences.join import ADDED, SAME, Counts
from commands.differences.records import Group
from commands.differences.show import Comparison, as_markdown, as_text
from commands.versions import Version

NOBODY = Version("0" * 40, (), {})


def comparison(game: str, reason: str = "x") -> Comparison:
    counts = Counts({ADDED: Counter({Group("trace", "train", "ungar", game): 1}), SAME: Counter()})
    return Comparison(NOBODY, NOBODY, [reason], counts)


@pytest.mark.parametrize(
    ("game", "shown"),
    [
        ("hearts", "`hearts`"),
        ("@team ![x](https://example.com)", "`@team ![x](https://example.com)`"),
        ("a|b", r"`a\|b`"),
        ("a`b``c", "``` a`b``c ```"),
        ("a\nb\x1b[31m", r"`a\nb\x1b[31m`"),
    ],
)
def test_a_name_is_shown_as_code_and_obeyed_by_nobody(game: str, shown: str) -> None:
    assert f"| trace | train | `ungar` | {shown} | 1 | 0 | 0 | 0 |" in list(as_markdown(comparison(game)))
    assert "- ``` a`b``c ```" in list(as_markdown(comparison(game, "a`b``c")))
    assert all(line.isprintable() for line in as_text(comparison(game)))


def test_a_total_names_nobody() -> None:
    assert "| trace | all |  |  | 1 | 0 | 0 | 0 |" in list(as_markdown(comparison("hearts")))
