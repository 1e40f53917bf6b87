"""Near duplicates: the earliest of what is alike stays, nothing that is unlike goes, in any order of arrival."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.selection import near_duplicates
from stages.selection.near_duplicates import drop_near
from stages.selection.sketches import band_names, sketch_schema, sketches
from stages.selection.strategies import ORDER
from tests.stages.lockfile import extract_and_select, set_params
from tests.stages.selections import ALL_TRAIN, counts, numbers, selected
from tests.support.samples import row
from tests.support.shell import ROOT

# Words of letters: texts with other numbers are never near.
WORDS = ["".join(random.Random(n).choices("abcdefghijklmnopqrstuvwxyz", k=2 + n % 4)) for n in range(300)]
QUESTION = "Which of these cards is the highest one that you may lawfully play to this trick, {}, and why is it so?"


def text(seed: int, words: int = 60) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def edited(whole: str, seed: int, edits: int = 1) -> str:
    """The text with some of its words replaced."""
    draw, words = random.Random(seed), whole.split()
    for place in draw.sample(range(len(words)), edits):
        words[place] = draw.choice(WORDS)
    return " ".join(words)


def clusters(bases: int, copies: int) -> list[dict[str, Any]]:
    """Rows: `bases` that are unlike, then, round by round, an edited one of each."""
    return [
        row(
            base + bases * copy,
            prompt=text(base) if copy == 0 else edited(text(base), base * 100 + copy),
            final_answer="!",
        )
        for copy in range(copies)
        for base in range(bases)
    ]


@pytest.fixture
def near(workspace: Path) -> None:
    set_params(
        split=ALL_TRAIN | {"group_by": []},
        extract={"partition_rows": 16},
        selection={"dedup": "near", "near_threshold": 0.8},
    )


def test_the_earliest_of_each_cluster_stays(near: None) -> None:
    extract_and_select(clusters(20, 5))
    assert numbers() == list(range(20))
    held = counts()
    assert (held["deduplicated"], held["selected"], held["over_limit"], held["duplicates"]) == (80, 20, 0, 0)


def test_neither_partitions_nor_workers_nor_order_of_arrival_change_who_stays(
    near: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = clusters(20, 5)
    extract_and_select(rows)
    before = numbers()
    random.Random(1).shuffle(rows)
    set_params(extract={"partition_rows": 5})
    monkeypatch.setenv("TRACES_WORKERS", "3")
    extract_and_select(rows)
    assert numbers() == before


def test_the_threshold_says_how_alike(near: None) -> None:
    prompts = [edited(text(1), n, edits) for n, edits in enumerate((0, 1, 8, 24))]
    assert [round(alike(prompts[0], prompt), 1) for prompt in prompts] == [1.0, 0.9, 0.7, 0.3]
    extract_and_select([row(n, prompt=prompt, final_answer="!") for n, prompt in enumerate(prompts)])
    found = {threshold: selected(selection={"near_threshold": threshold}) for threshold in (0.5, 0.85, 1)}
    assert found == {0.5: [0, 3], 0.85: [0, 2, 3], 1: [0, 1, 2, 3]}


def test_prompt_and_answer_must_both_be_alike_and_steps_count_for_nothing(near: None) -> None:
    long, other = text(1), text(2)
    extract_and_select(
        [
            row(0, prompt=long, final_answer="QS"),
            row(1, prompt=long, final_answer="QH"),
            row(2, prompt=other, final_answer="QS"),
            row(3, prompt=long, final_answer=other),
            row(4, prompt=long, final_answer="QS", steps=[{"i": 0, "type": "think", "content": "Otherwise."}]),
            row(5, prompt=long, final_answer=f" {other}\n"),
            row(6, prompt=long, final_answer=edited(other, 4, 1)),
            row(7, prompt=edited(other, 5, 10), final_answer="QS"),
        ]
    )
    assert round(alike(other, edited(other, 5, 10)), 1) == 0.5
    assert numbers() == [0, 1, 2, 3, 6, 7]


def test_exact_duplicates_are_near_ones_and_a_limit_hides_no_match(near: None) -> None:
    same = {"prompt": "?", "steps": row(0)["payload"]["steps"], "final_answer": "!"}
    extract_and_select([row(n, **same) for n in range(5)] + [row(n) for n in range(5, 9)])
    assert counts()["deduplicated"] == 4
    assert selected(selection={"strategy": "latest", "limit": 5}) == [0, 5, 6, 7, 8]
    assert (counts()["deduplicated"], counts()["over_limit"]) == (4, 0)


def test_what_is_filtered_out_drops_nothing(near: None) -> None:
    rows = clusters(4, 2)
    for n, one in enumerate(rows):
        one["payload"]["meta"]["game"] = "old" if n < 4 else "new"
    extract_and_select(rows)
    assert numbers() == [0, 1, 2, 3]
    assert selected(filters={"game": "new"}) == [4, 5, 6, 7]
    assert (counts()["filtered"], counts()["deduplicated"]) == (4, 0)
    # Also where a whole batch of traces is filtered out.
    assert selected(filters={"game": "new", "created_at": {"min": "2026-01-01T00:07"}}) == [7]


def test_a_chain_of_small_edits_does_not_end_in_its_beginning(near: None) -> None:
    """Each is near the one before it; the last shares nothing with the first, and is not lost."""
    chain = [text(1)]
    while len(chain) < 41:
        words = chain[-1].split()
        at = (len(chain) * 3) % 60
        words[at : at + 3] = text(1000 + len(chain), 3).split()
        chain.append(" ".join(words))
    extract_and_select([row(n, prompt=prompt, final_answer="!") for n, prompt in enumerate(chain)])
    stay = numbers()
    assert stay[0] == 0
    assert 5 < len(stay) < 40
    for gone in set(range(41)) - set(stay):
        assert any(alike(chain[kept], chain[gone]) > 0.65 for kept in stay if kept < gone)


def alike(one: str, other: str) -> float:
    a, b = ({found[k : k + 5] for k in range(len(found) - 4)} for found in (one, other))
    return len(a & b) / len(a | b)


def test_texts_of_one_template_are_told_apart(near: None) -> None:
    cards = [f"{rank}{suit}" for rank in "A23456789TJQK" for suit in "SHDC"]
    draw = random.Random(1)
    hands = [", ".join(draw.sample(cards, 12)) for _ in range(60)]
    extract_and_select([row(n, prompt=QUESTION.format(hand), final_answer="!") for n, hand in enumerate(hands * 2)])
    assert selected(selection={"near_threshold": 0.9}) == list(range(60))


def write_candidates(folder: Path, columns: Iterable[Any], threshold: float) -> None:
    folder.mkdir(exist_ok=True)
    names = sketch_schema(threshold).names
    table = {name: pa.array(column) for name, column in zip(names, columns, strict=True)}
    count = len(table["whole"])
    table |= {"candidate": pa.array([True] * count), "part": pa.array([0] * count), "place": pa.array(range(count))}
    pq.write_table(pa.table(table), folder / "0.parquet")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=40), st.randoms())
def test_who_stays_depends_on_the_order_of_preference_alone(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, int]], shuffle: random.Random
) -> None:
    """Candidates written in another order, preferred in the same one: the same texts stay."""
    folder = tmp_path_factory.mktemp("near")
    prompts = [edited(text(base), 7 * base + edit, edit) for base, edit in drawn]
    order = list(range(len(prompts)))
    shuffle.shuffle(order)
    columns = [np.asarray(column) for column in sketches(prompts, ["!"] * len(prompts), 0.8)]

    def stay(arrangement: list[int], name: str) -> set[int]:
        (folder / name).mkdir()
        write_candidates(folder / name / "candidates", [column[arrangement] for column in columns], 0.8)
        path = folder / name / "candidates/0.parquet"
        table = pq.read_table(path).append_column("wanted", pa.array(arrangement))
        pq.write_table(table, path)
        drop_near(folder / name / "candidates", folder / name / "gone.parquet", "wanted", 0.8)
        places = pq.read_table(folder / name / "gone.parquet").column("place").to_pylist()
        return set(range(len(prompts))) - {arrangement[place] for place in places}

    kept = stay(list(range(len(prompts))), "one")
    assert kept == stay(order, "other")
    # Each that goes has one that stays beside it.
    assert 0 in kept
    for lost in set(range(len(prompts))) - kept:
        assert any(alike(prompts[one], prompts[lost]) > 0.6 for one in kept if one < lost)


def test_in_a_crowded_band_the_first_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three clusters that meet in every band, unlike one another, taking turns."""
    words, names = sketches([text(n) for n in range(3)], ["!"] * 3, 0.9)[1:], sketch_schema(0.9).names
    turns = np.arange(30) % 3
    columns = [np.arange(30, dtype=np.uint64), *(word[turns] for word in words)]
    for place, name in enumerate(names):
        if name in band_names(0.9):
            columns[place][:] = 7
    write_candidates(tmp_path / "candidates", columns, 0.9)
    found = {}
    for leaders in (1, 2, 3):
        monkeypatch.setattr(near_duplicates, "LEADERS", leaders)
        (tmp_path / str(leaders)).mkdir()
        path = tmp_path / str(leaders) / "gone.parquet"
        drop_near(tmp_path / "candidates", path, ORDER, 0.9)
        places = set(pq.read_table(path).column("place").to_pylist())
        found[leaders] = [sum(place % 3 == cluster for place in places) for cluster in range(3)]
    assert found == {1: [9, 0, 0], 2: [9, 9, 0], 3: [9, 9, 9]}


def test_work_and_memory_grow_with_the_number_of_traces_and_not_with_its_square(tmp_path: Path) -> None:
    """100,000 that are all alike, whose pairs are five thousand million."""
    count, draw = 100_000, np.random.default_rng(1)
    one = sketches([text(1)], ["!"], 0.9)
    columns = [np.repeat(column, count) for column in one]
    columns[0] = draw.integers(0, 2**63, count, dtype=np.uint64)  # no two of them have the same sketch
    columns[2] ^= draw.integers(0, 8, count, dtype=np.uint64)
    write_candidates(tmp_path / "candidates", columns, 0.9)
    script = (
        "import re, sys; from pathlib import Path; from stages.selection.near_duplicates import drop_near;"
        "print(drop_near(Path(sys.argv[1]), Path(sys.argv[2]), 'part, place', 0.9));"
        # Not getrusage: what it calls the largest is, for a new program too, at least what started it had.
        "print(int(re.search(r'VmHWM:\\s*(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "candidates"), str(tmp_path / "gone.parquet")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    dropped, megabytes = map(int, done.stdout.split())
    assert dropped == count - 1
    assert megabytes < 1000


def test_bands_are_columns_of_the_schema() -> None:
    assert set(band_names(0.9)) < set(sketch_schema(0.9).names)
