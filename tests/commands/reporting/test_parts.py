"""The parts that the page is drawn of: bins, ticks, groups, the flow's points, elements."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from commands.reporting.bins import bins_of, ticks
from commands.reporting.columns import read_columns
from commands.reporting.flow import flow_of
from commands.reporting.flow_drawing import WIDE, draw_flow
from commands.reporting.names import short, width
from commands.reporting.samples import pieces
from commands.reporting.svg import element
from tests.commands.support import Command
from tests.stages.lockfile import build
from tests.support.samples import payload, row
from traces.errors import TracesError
from training.templates import load_template

COUNTS = {
    "read": 100,
    "quarantined": 10,
    "filtered": 20,
    "excluded": 1,
    "rejected": 0,
    "too_short": 2,
    "too_long": 3,
    "unscored": 4,
    "low_score": 5,
    "unlisted": 0,
    "contaminated": 0,
    "sensitive": 0,
    "deduplicated": 0,
    "over_limit": 15,
    "selected": 40,
}


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=50))
def test_every_value_is_in_a_bin_and_bins_are_few(values: list[int]) -> None:
    held = np.array(values)
    bins = bins_of(held)
    assert bins.tally(held).sum() == len(values)
    assert 1 <= bins.count <= 44
    assert bins.low <= min(values)
    assert bins.cut or max(values) < bins.end


def test_a_long_tail_is_one_bin() -> None:
    bins = bins_of(np.array([*range(100, 300), 90_000]))
    assert bins.cut
    assert bins.end <= 310
    assert bins.tally(np.array([90_000, 5_000]))[-1] == 2


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0, 9, [0, 2, 4, 6, 8]),
        (0, 6.4, [0, 2, 4, 6]),
        (230, 749, [300, 400, 500, 600, 700]),
        (7, 7, [7]),
        (3, 4, [3, 4]),
    ],
)
def test_ticks_are_round_and_few(low: float, high: float, shown: list[int]) -> None:
    assert ticks(low, high) == shown


def test_the_flow_loses_what_the_counts_say_until_the_selected_are_left() -> None:
    reached = flow_of(COUNTS)
    assert [(one.name, one.count) for one in reached] == [
        ("stored", 100),
        ("valid", 90),
        ("candidates", 55),
        ("selected", 40),
    ]
    assert reached[1].lost == {
        "filtered": 20,
        "excluded": 1,
        "rejected": 0,
        "too short": 2,
        "too long": 3,
        "unscored": 4,
        "low score": 5,
    }
    assert reached[2].lost == {"deduplicated": 0, "over limit": 15}


def test_more_reasons_than_there_is_room_for_are_counted_together() -> None:
    drawn = draw_flow(flow_of(COUNTS), {"train": 40}, {"trace": 40}, WIDE)
    assert ">20 filtered<" in drawn
    assert ">12 for other reasons<" in drawn
    assert "rejected" not in drawn


def test_seldom_groups_are_one(traces: Command) -> None:
    build(row(n, meta={**payload(n)["meta"], "game": f"g{min(n, 100 - n)}" if n < 90 else None}) for n in range(100))
    columns = read_columns(100)
    assert [group.game for group in columns.groups[:2]] == ["None", "g11"]
    assert columns.groups[-1] == ("", "(others)")
    assert len(columns.groups) == 8
    assert np.bincount(columns.group).tolist() == [10, *[2] * 6, 78]
    with pytest.raises(TracesError, match="the manifest counts 101"):
        read_columns(101)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("high_card", "high_card"),
        ("n" * 10, "n" * 10),
        ("n" * 11, "n" * 8 + "…"),
        ("W" * 5, "W" * 5),
        ("W" * 300, "W" * 4 + "…"),
        ("i" * 16, "i" * 16),
        ("牌" * 54, "牌" * 4 + "…"),
        ("e\u0301" * 10, "e\u0301" * 10),
        ("e" + "\u0301" * 300, "e" + "\u0301" * 39 + "…"),
        ("a\nb", r"a\nb"),
        ("", ""),
    ],
)
def test_a_name_is_cut_by_its_width(name: str, shown: str) -> None:
    assert short(name, 10) == shown
    assert width(shown) <= 10


def test_an_element_s_text_and_attributes_are_escaped_once() -> None:
    inner = element("text", "<b>", x=-0.001, y=2.50)
    assert inner == '<text x="0" y="2.5">&lt;b&gt;</text>'
    outer = element("svg", inner, "&", aria_label='"<', class_=None)
    assert outer == f'<svg aria-label="&#34;&lt;">{inner}&amp;</svg>'
    assert isinstance(outer, Markup)


def test_a_long_text_is_shown_without_its_middle_and_marks_stand_apart() -> None:
    text = "<start_of_turn>user\n" + "a" * 3000 + "z" * 700 + "\u202e<end_of_turn>"
    shown = list(pieces(text, load_template("gemma")))
    assert [piece.text for piece in shown if piece.mark] == ["<start_of_turn>", "<end_of_turn>"]
    whole = "".join(piece.text for piece in shown)
    assert "aa\n[… 1,334 more characters …]\nzz" in whole
    assert r"\u202e<end" in whole
