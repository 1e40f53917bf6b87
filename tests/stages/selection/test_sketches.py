"""Sketches: how alike two texts are can be read off them, and traces that are alike meet in a band."""

from __future__ import annotations

import random
import sys

import numpy as np
import pytest

from stages.selection import sketches
from stages.selection.sketches import (
    CAUGHT,
    HASHES,
    MAX_BANDS,
    SHINGLE,
    band_names,
    band_rows,
    sketch_schema,
    smallest_hashes,
)
from tests.support.shell import ROOT, run

WORDS = [f"{chr(97 + n % 26) * (n % 3 + 1)}{n}" for n in range(500)]


def texts(count: int, words: int = 60) -> list[str]:
    draw = random.Random(1)
    return [" ".join(draw.choices(WORDS, k=words)) for _ in range(count)]


def changed(text: str, share: float) -> str:
    """The text with a share of its words replaced."""
    draw = random.Random(2)
    return " ".join(draw.choice(WORDS) if draw.random() < share else word for word in text.split())


def alike(one: str, other: str) -> float:
    """The Jaccard similarity of two texts, counted out."""
    a, b = ({text[k : k + SHINGLE] for k in range(max(1, len(text) - SHINGLE + 1))} for text in (one, other))
    return len(a & b) / len(a | b)


def test_the_share_of_equal_hashes_estimates_the_similarity() -> None:
    for share in (0.0, 0.02, 0.1, 0.5):
        errors = []
        for text in texts(30):
            other = changed(text, share)
            one, two = smallest_hashes([text, other])
            bits = 1 - 2 * np.mean((one ^ two) & 1)
            errors.append([np.mean(one == two) - alike(text, other), bits - alike(text, other)])
        # 256 bits: no single estimate is far off, and on average they hit.
        assert np.abs(errors).max() < 0.25
        assert np.abs(np.mean(errors, axis=0)).max() < 0.03


def test_a_text_s_hashes_depend_on_nothing_but_it(monkeypatch: pytest.MonkeyPatch) -> None:
    mixed = [*texts(20), "", "x", "no", "four", "fünf!", "漢字かな交じり文", "😀" * 40, "x" * 10_000]
    together = smallest_hashes(mixed)
    monkeypatch.setattr(sketches, "PIECE", 100)
    for text, row in zip(mixed, together, strict=True):
        assert (smallest_hashes([text]) == row).all()
    assert (smallest_hashes(mixed[::-1]) == together[::-1]).all()


def test_a_short_text_is_like_none_but_itself() -> None:
    rows = smallest_hashes(["QS", "QH", "QS", "QS."])
    assert (rows[0] == rows[2]).all()
    assert (rows[0] != rows[1]).mean() > 0.9
    assert (rows[0] != rows[3]).mean() > 0.9


def test_the_hashes_are_those_of_every_machine() -> None:
    """A version that hashes otherwise would choose otherwise: it must not come unseen. Instructions change nothing."""
    script = (
        "import hashlib; from stages.selection.sketches import smallest_hashes;"
        "from tests.stages.selection.test_sketches import texts;"
        "rows = smallest_hashes(['QS', *texts(3), *texts(1, 9000)]);"
        "print(hashlib.md5(rows.astype('<u4').tobytes()).hexdigest())"
    )
    for settings in ({"RENSA_FORCE_KERNEL": "scalar"}, {"RAYON_NUM_THREADS": "1"}):
        assert run(ROOT, sys.executable, "-c", script, **settings).out.split() == ["8de6f8ba9e28091dff22dc68c13015ae"]


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99, 1.0])
def test_as_many_rows_as_still_bring_alike_traces_together(threshold: float) -> None:
    def caught(rows: int) -> float:
        bands = min(MAX_BANDS, HASHES // rows)
        return 1 - (1 - threshold**rows) ** bands

    rows, bands = band_rows(threshold), len(band_names(threshold))
    assert caught(rows) >= CAUGHT
    assert rows * bands <= HASHES
    assert threshold == 1 or caught(rows + 1) < CAUGHT


def test_columns_are_those_of_the_schema_also_for_no_traces() -> None:
    names = sketch_schema(0.9).names
    for prompts in ([], ["?"], texts(3)):
        found = sketches.sketches(prompts, prompts, 0.9)
        assert len(found) == len(names) == len(set(names))
        assert all(column.dtype == np.uint64 and len(column) == len(prompts) for column in found)


def exact(prompt: str, answer: str = "A") -> int:
    columns = sketches.sketches([prompt], [answer], 0.9)
    return int(columns[sketch_schema(0.9).names.index("exact")][0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("She has 12 apples", "She has 13 apples"),
        ("It costs $42", "It costs 42"),
        ("Solve x + 3", "Solve x - 3"),
        ("Is 3 < 4?", "Is 3 > 4?"),
        ("1.5 litres", "15 litres"),
        ("5% of it", "5 of it"),
        ("a != b", "a == b"),
        ("٣ apples", "٤ apples"),
        ("take −3", "take 3"),
    ],
)
def test_other_numbers_or_signs_are_never_near(one: str, other: str) -> None:
    assert exact(one) != exact(other)
    assert exact(one) == exact(f"  {one.upper()} ")


@pytest.mark.parametrize(
    ("one", "other"),
    [("118", "119"), ("118 dollars", "119 dollars"), ("yes", "no"), ("Yes", "yes"), ("-4", "4"), ("x^2", "x2")],
)
def test_other_answers_are_never_near(one: str, other: str) -> None:
    assert exact("?", one) != exact("?", other)
    assert exact("?", one) == exact("?", f" {one}\n")
