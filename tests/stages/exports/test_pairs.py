"""The pairs of tunix_dpo: best with worst, of one prompt and one split, each trace once; by metadata and by scores."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from stages import export, extract_traces, render, select, validate
from stages.exports import pairs
from stages.params.reading import load_params
from stages.paths import PAIR_COUNTS, PAIRS, RENDERED, SCORES, SELECTION, VALIDATION
from stages.runtime.partitioned import (
    RENDERED_SCHEMA,
    SCORES_SCHEMA,
    partition_names,
    partition_path,
    read_rows,
    write_partition,
)
from tests.stages.lockfile import build, describe, pin_rows, set_params, write_lock
from tests.stages.stores import pin_scored, scored_store
from tests.support.samples import row, trace_id
from traces.errors import TracesError
from traces.pin import SNAPSHOT
from traces.store import DATABASE_URL

ALL_TRAIN = {"validation": 0, "test": 0, "group_by": []}


def ranked(values: Iterable[tuple[str, str, object]]) -> list[dict[str, Any]]:
    """Rows with a prompt, an answer and `meta.result`."""
    steps = [{"i": 0, "type": "think", "content": "So."}]
    return [
        row(n, prompt=prompt, steps=steps, final_answer=answer, meta={"source": "ungar", "result": result})
        for n, (prompt, answer, result) in enumerate(values)
    ]


def made() -> list[tuple[str, str]]:
    return [
        (found[0], found[1])
        for name in partition_names(PAIRS)
        for found in read_rows(partition_path(PAIRS, name), ["id", "rejected_id"])
    ]


def paired(values: Iterable[tuple[str, str, object]], **preference: Any) -> set[tuple[int, int]]:
    """Pairs, by the numbers of their traces, of all traces in one split."""
    changes = {"formats": ["tunix_dpo"], "preference": {"key": "result", **preference}}
    set_params(split=ALL_TRAIN, export=changes)
    rows = ranked(values)
    pin_rows(rows)
    for stage in (extract_traces, select, render, export):
        stage.work(load_params())
    numbers = {trace_id(n): n for n in range(len(rows))}
    return {(numbers[chosen], numbers[rejected]) for chosen, rejected in made()}


def test_the_best_is_paired_with_the_worst(workspace: Path) -> None:
    values = [("p", "a", 1), ("p", "b", 4), ("p", "c", 2.5), ("p", "d", 10), ("p", "e", 3), ("q", "f", 1)]
    assert paired(values, order=None) == {(3, 0), (1, 2)}
    assert json.loads(PAIR_COUNTS.read_text()) == {
        "unranked": 0,
        "repeats": 0,
        "alone": 1,
        "unpaired": 1,
        "pairs": 2,
        "splits": {"train": 2, "validation": 0, "test": 0},
    }


def test_an_order_ranks_its_values_and_no_other(workspace: Path) -> None:
    values = [("p", "a", "loss"), ("p", "b", "tie"), ("p", "c", "win"), ("p", "d", "unfinished"), ("p", "e", None)]
    assert paired(values, order=["loss", "tie", "win"]) == {(2, 0)}
    assert json.loads(PAIR_COUNTS.read_text())["unranked"] == 2


@pytest.mark.parametrize(
    ("order", "values"),
    [
        (None, (7, "8", 9.0)),
        (None, ("7.5", 7.75, "8.0")),
        (None, (-1, "-0.5", 0)),
        ([1, 2, 3], ("1", 2.0, "3.00")),
        ([1.0, 2.5, 3], (1, "2.50", 3.0)),
        (["low", "m\u00e9dium", "high"], ("low", "me\u0301dium", " high")),
    ],
)
def test_equal_values_rank_alike(workspace: Path, order: list[Any] | None, values: tuple[Any, ...]) -> None:
    rows = [("p", answer, value) for answer, value in zip("abc", values, strict=True)]
    assert paired([*rows, ("p", "d", "none"), ("q", "a", values[0]), ("q", "b", values[1])], order=order) == {
        (2, 0),
        (5, 4),
    }
    assert json.loads(PAIR_COUNTS.read_text())["unranked"] == 1


def test_true_and_false_rank_nothing_but_themselves(workspace: Path) -> None:
    values = [("p", "a", True), ("p", "b", 1), ("p", "c", "1"), ("p", "d", False)]
    assert paired(values, order=[False, True]) == {(0, 3)}
    assert paired([("p", "a", "2"), ("p", "b", 10**400), ("p", "c", -1), ("p", "d", True)], order=None) == {(1, 2)}


def test_what_ranks_or_says_the_same_is_no_pair_and_that_is_said(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = [("p", "a", 1), ("p", "b", 1), ("q", "same", 1), ("q", "same", 2), ("r", "c", "x"), ("s", "d", 1)]
    assert paired(values, order=None) == set()
    said = " ".join(capsys.readouterr().err.split())
    assert "export: note: tunix_dpo is empty, no two traces make a pair: by result 1 have no rank; 1 answer as" in said
    assert "another does, 2 alone answer their prompt, 2 rank as the others do" in said
    assert list(Path("data/export/tunix_dpo").iterdir()) == []
    assert paired([("p", "a", 1), ("p", "b", 2)], key="outcome", order=None) == set()
    assert "by outcome 2 have no rank" in capsys.readouterr().err


def test_traces_that_answer_the_same_count_once_by_the_middle_of_their_ranks(workspace: Path) -> None:
    """So that none is left without a partner beside itself, and no pair contradicts another or repeats it."""
    assert paired([("p", "x", 3), ("p", "y", 2), ("p", "x", 1)], order=None) == {(1, 2)}
    won = [("p", "x", 1)] * 3 + [("p", "y", 0)] * 3
    assert paired([*won, ("p", "x", 0), ("p", "y", 1)], order=None) == {(0, 4)}
    counts = json.loads(PAIR_COUNTS.read_text())
    assert (counts["repeats"], counts["pairs"], counts["unpaired"]) == (6, 1, 0)
    assert paired([("p", "x", 1), ("p", "y", 1), ("p", "x", 0), ("p", "y", 0)], order=None) == set()


@pytest.mark.parametrize(
    "same",
    [
        ["x", " x\n"],
        ["x", "\u200bx"],
        ["caf\u00e9", "cafe\u0301"],
        ["a b", "a\n\tb"],
        ["a b", "a\u00a0b"],
        ["x\r\ny", "x\ny"],
        ["4", "Answer: 4", "Final answer: 4", "**Answer:** 4"],
    ],
)
def test_answers_that_read_the_same_are_no_pair(workspace: Path, same: list[str]) -> None:
    assert paired([("p", answer, rank) for rank, answer in enumerate(same)], order=None) == set()
    assert json.loads(PAIR_COUNTS.read_text())["repeats"] == len(same) - 1


def test_prompts_that_read_the_same_are_one_prompt(workspace: Path) -> None:
    """Else the one would say that an answer is better than another, and the other that it is worse."""
    values = [("p q", "a", 2), ("p q", "b", 1), ("p  q", "a", 1), ("p  q", "b", 2)]
    assert paired(values, order=None) == set()
    assert paired([("p q", "a", 1), ("p q\n", "b", 2)], order=None) == {(1, 0)}


@pytest.mark.parametrize("seed", range(5))
def test_no_pair_contradicts_another_or_itself_however_the_reasoning_is_worded(workspace: Path, seed: int) -> None:
    draw = random.Random(seed)
    rows = [
        row(
            n,
            prompt=draw.choice("pq"),
            steps=[{"i": 0, "type": "think", "content": f"Reason {draw.randrange(9)}."}],
            final_answer=draw.choice("abcd"),
            meta={"source": "ungar", "result": draw.randrange(5)},
        )
        for n in range(40)
    ]
    set_params(split=ALL_TRAIN, export={"formats": ["tunix_dpo"], "preference": {"key": "result", "order": None}})
    pin_rows(rows)
    for stage in (extract_traces, select, render, export):
        stage.work(load_params())
    said = {one["id"]: (one["payload"]["prompt"], one["payload"]["final_answer"]) for one in rows}
    sides = [said[trace] for pair in made() for trace in pair]
    assert len(sides) == len(set(sides)) >= 4


@pytest.fixture
def whole(workspace: Path) -> Path:
    """Three splits and several partitions, all of ten prompts, held to the gate."""
    preference = {"key": "result", "order": ["loss", "tie", "win"]}
    set_params(
        extract={"partition_rows": 16},
        split={"validation": 0.2, "test": 0.2, "group_by": []},
        export={"formats": ["trace", "tunix_dpo"], "preference": preference},
    )
    build(ranked((f"p{n % 10}", f"<end_of_turn> {n}", ("loss", "tie", "win")[n % 7 % 3]) for n in range(200)))
    return workspace


def test_each_trace_is_in_one_pair_of_its_prompt_and_split(whole: Path) -> None:
    splits = {
        found[0]: found[1]
        for name in partition_names(SELECTION)
        for found in read_rows(partition_path(SELECTION, name), ["id", "split"])
    }
    numbers = {trace_id(n): n for n in range(200)}
    found = made()
    assert len(found) > 40
    assert len({trace for pair in found for trace in pair}) == 2 * len(found)
    for chosen, rejected in found:
        assert splits[chosen] == splits[rejected]
        assert numbers[chosen] % 10 == numbers[rejected] % 10
        assert numbers[chosen] % 7 % 3 > numbers[rejected] % 7 % 3
    records = [
        (path.name.split("-")[0], json.loads(line))
        for path in Path("data/export/tunix_dpo").iterdir()
        for line in path.read_text().splitlines()
    ]
    assert {(split, record["id"]) for split, record in records} == {(splits[chosen], chosen) for chosen, _ in found}
    rejected_of = dict(found)
    for _, record in records:
        assert record["chosen_responses"].endswith(f"Answer: < end_of_turn> {numbers[record['id']]}<end_of_turn>")
        worse = numbers[rejected_of[record["id"]]]
        assert record["rejected_responses"].endswith(f"Answer: < end_of_turn> {worse}<end_of_turn>")


def test_workers_and_batches_change_no_pair(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def contents() -> dict[str, bytes]:
        return {path.as_posix(): path.read_bytes() for path in Path("data").rglob("*") if path.is_file()}

    before = contents()
    monkeypatch.setenv("TRACES_WORKERS", "4")
    monkeypatch.setattr(pairs, "FETCHED_ROWS", 7)
    export.work(load_params())
    assert contents() == before


def test_the_gate_passes_them_and_the_manifest_says_what_ranked(whole: Path) -> None:
    validate.work(load_params())
    manifest = json.loads(Path("data/manifest.json").read_text())
    counts = json.loads(PAIR_COUNTS.read_text())
    assert manifest["preference"] == {"key": "result", "order": ["loss", "tie", "win"], "counts": counts}
    assert manifest["exports"]["tunix_dpo"]["records"] == counts["splits"]
    assert json.loads(VALIDATION.read_text())["records"] == {"trace": 200, "tunix_dpo": counts["pairs"]}


def swap_answers(path: Path) -> None:
    lines = path.read_text().splitlines()
    record = json.loads(lines[0])
    record["chosen_responses"], record["rejected_responses"] = record["rejected_responses"], record["chosen_responses"]
    lines[0] = json.dumps(record, separators=(",", ":"))
    path.write_text("\n".join(lines) + "\n")


def test_pairs_changed_by_hand_are_found(whole: Path) -> None:
    (shard, *_) = sorted(Path("data/export/tunix_dpo").glob("train-*"))
    (name, *_) = partition_names(PAIRS)
    swap_answers(shard)
    partition_path(PAIRS, name).unlink()
    PAIR_COUNTS.write_text("{}")
    (PAIRS / "notes.txt").write_text("x")
    write_lock()
    with pytest.raises(TracesError, match="faults, named above"):
        validate.work(load_params())
    found = json.loads(VALIDATION.read_text())["first_faults"]
    for says in (
        "chosen_responses, rejected_responses: not what its trace gives",
        f"data/pairs/{name}: has nothing where pairing again gives",
        "data/pairs/counts.json: pairing again gives {",
        "data/pairs/notes.txt: nothing that pairing again gives",
    ):
        assert any(says in line for line in found), (says, found)


def test_pairs_that_were_not_asked_for_and_other_rendered_texts_are_found(workspace: Path) -> None:
    build(row(n) for n in range(60))
    (name, *_) = partition_names(SELECTION)
    rendered = partition_path(RENDERED, name)
    (first, *rows) = read_rows(rendered, ["id", "prompt", "completion"])
    write_partition(rendered, RENDERED_SCHEMA, [(first[0], "Another", first[2]), *rows])
    (PAIRS / "x.parquet").write_bytes(b"")
    write_lock()
    with pytest.raises(TracesError, match="faults?, named above"):
        validate.work(load_params())
    found = json.loads(VALIDATION.read_text())["first_faults"]
    assert any("data/pairs/x.parquet: no pairs are asked for" in line for line in found)
    assert f"data/rendered/{name}, id {trace_id(0)}: not what rendering its trace again gives" in found


def test_scores_rank_by_their_latest_value(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    early, late = "2026-02-01 00:00:00", "2026-02-02 00:00:00"
    url = scored_store(
        [
            (0, "helpful", 0.9, early),
            (0, "helpful", 0.1, late),
            (1, "helpful", 0.5, early),
            (1, "other", 0.0, late),
            (2, "helpful", 0.7, early),
            (3, "helpful", "high", early),
            (4, "helpful", float("inf"), early),
        ]
    )
    monkeypatch.setenv(DATABASE_URL, url)
    changes = {"formats": ["tunix_dpo"], "preference": {"key": None}}
    set_params(split=ALL_TRAIN, export=changes, extract={"scores": "helpful"})
    pin_scored(url)
    assert json.loads(SNAPSHOT.read_text())["scores"]["traces"] == 4
    for stage in (extract_traces, select, render, export):
        stage.work(load_params())
    assert set(made()) == {(trace_id(4), trace_id(0)), (trace_id(2), trace_id(1))}
    assert json.loads(PAIR_COUNTS.read_text())["unranked"] == 6

    # Other scores than the pinned ones are found, also where all that follows was made of them.
    (name,) = partition_names(SCORES)
    held = list(read_rows(partition_path(SCORES, name), ["id", "score"]))
    write_partition(partition_path(SCORES, name), SCORES_SCHEMA, [(i, -score) for i, score in held])
    (SCORES / "notes.txt").write_text("x")
    export.work(load_params())
    describe()
    with pytest.raises(TracesError, match="2 faults, named above"):
        validate.work(load_params())
    assert json.loads(VALIDATION.read_text())["first_faults"] == [
        "data/scores/notes.txt: is no partition of scores",
        "data/scores: 4 scores, not the 4 that data/snapshot.json pins",
    ]
    partition_path(SCORES, name).unlink()
    with pytest.raises(TracesError, match="data/scores: holds no scores to rank by; `dvc repro` makes it"):
        export.work(load_params())


def test_scores_other_than_the_pinned_ones_are_refused(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = scored_store([(0, "helpful", 0.9, "2026-02-01 00:00:00")])
    monkeypatch.setenv(DATABASE_URL, url)
    set_params(export={"preference": {"key": None}})
    pin_scored(url)
    with pytest.raises(TracesError, match=r"snapshot.json: pinned with scores helpful, params.yaml says null; run "):
        extract_traces.work(load_params())
    set_params(extract={"scores": "helpful"})
    extract_traces.work(load_params())
    SNAPSHOT.write_text(SNAPSHOT.read_text().replace("2026-02-01T", "2031-02-01T"))
    with pytest.raises(TracesError, match=r"as of 2031-02-01T.*, the newest of them is of 2026-02-01T"):
        extract_traces.work(load_params())
    SNAPSHOT.write_text(SNAPSHOT.read_text().replace("2031-02-01T", "2026-02-01T"))
    with sqlite3.connect("store.db") as connection:
        connection.execute("UPDATE scores SET score = 0.8")
    connection.close()
    with pytest.raises(TracesError, match=r"not what .* pins \(scores by helpful: 1 traces scored .*, content changed"):
        extract_traces.work(load_params())
