"""Strata and scores: shares, quotas, the best; the same whatever the order, and every trace counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from stages import export, extract_traces, render, select, validate
from stages.params.reading import load_params
from stages.paths import MANIFEST, SCORES, SELECTION, STATS, TRACES
from stages.runtime.partitioned import (
    SCORES_SCHEMA,
    partition_names,
    partition_path,
    read_chunks,
    read_rows,
    write_partition,
)
from stages.selection.measures import characters
from stages.selection.strata import MAX_NAMES, stratum_of
from tests.stages.lockfile import describe, extract_and_select, pin_rows, set_params
from tests.stages.selections import ALL_TRAIN, counts, numbers, selected
from tests.stages.stores import pin_scored, scored_store
from tests.support.samples import row, trace_id
from traces.errors import TracesError
from traces.store import DATABASE_URL

# Of 100 traces: 10 of a, 30 of b, 59 of c, and one that does not say.
GAMES: list[str | None] = [*"a" * 10, *"b" * 30, *"c" * 59, None]


def game_row(n: int) -> dict[str, Any]:
    return row(n, meta={"source": "ungar", "seat": n % 2} | ({} if GAMES[n] is None else {"game": GAMES[n]}))


@pytest.fixture
def games(workspace: Path) -> None:
    set_params(extract={"partition_rows": 16}, split=ALL_TRAIN | {"group_by": []})
    extract_and_select(game_row(n) for n in range(100))


def stratified(limit: int | None = None, by: Iterable[str] = ("game",), **changes: Any) -> list[int]:
    stratify = {"by": list(by), "quotas": changes.pop("quotas", None)}
    return selected(selection={"strategy": "stratified", "limit": limit, "seed": 1, "stratify": stratify, **changes})


def of_games(found: list[int]) -> Counter[str | None]:
    return Counter(GAMES[n] for n in found)


def test_strata_share_the_limit_equally_and_what_a_small_one_lacks_goes_to_the_others(games: None) -> None:
    assert of_games(stratified(4)) == {"a": 1, "b": 1, "c": 1, None: 1}
    found = stratified(61)
    assert of_games(found) == {"a": 10, "b": 25, "c": 25, None: 1}
    assert counts()["strata"] == {"a": 10, "b": 25, "c": 25, "null": 1}
    assert (counts()["over_limit"], counts()["selected"]) == (39, 61)
    assert of_games(stratified(1000)) == Counter(GAMES)


def test_a_larger_limit_contains_a_smaller_one_and_the_seed_says_which(games: None) -> None:
    few, more = set(stratified(20)), set(stratified(40))
    assert len(few) == 20
    assert few < more
    assert set(stratified(20, seed=2)) != few


def test_quotas_take_so_many_of_each_value_and_no_other(
    games: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert of_games(stratified(quotas={"a": 25, "c": 20})) == {"a": 10, "c": 20}
    assert capsys.readouterr().err.splitlines() == [
        "select: note: params.yaml: selection.stratify.quotas.a: 25 traces asked for, 10 there are"
    ]
    held = counts()
    assert (held["unlisted"], held["over_limit"], held["selected"]) == (31, 39, 30)
    assert held["strata"] == {"a": 10, "c": 20}
    assert of_games(stratified(quotas={"null": 1})) == {None: 1}
    assert Counter(n % 2 for n in stratified(by=["seat"], quotas={0: 3, 1: 4})) == {0: 3, 1: 4}


def test_what_has_no_quota_hides_no_duplicate_of_what_has_one(workspace: Path) -> None:
    same = {"prompt": "?", "steps": row(0)["payload"]["steps"], "final_answer": "!"}
    set_params(split=ALL_TRAIN | {"group_by": []})
    extract_and_select(row(n, **same, meta={"source": "ungar", "game": game}) for n, game in enumerate("abab"))
    for dedup in ("exact", "near"):
        assert stratified(quotas={"b": 5}, dedup=dedup) == [1]
        assert (counts()["unlisted"], counts()["deduplicated"]) == (2, 1)


def test_strata_may_be_of_several_keys_and_of_created_at(games: None) -> None:
    assert len(stratified(7, by=["game", "seat"])) == 7
    assert counts()["strata"] == {f'["{g}", {s}]': 1 for g in "abc" for s in (0, 1)} | {"[null, 1]": 1}
    assert len(stratified(100, by=["created_at"])) == 100
    assert len(counts()["strata"]) == MAX_NAMES


def test_many_strata_are_counted_together(workspace: Path) -> None:
    set_params(split=ALL_TRAIN | {"group_by": []})
    extract_and_select(row(n) for n in range(150))
    assert len(stratified(140, by=["episode_index"])) == 140
    assert len(counts()["strata"]) == MAX_NAMES + 1
    assert counts()["strata"]["(others)"] == 140 - MAX_NAMES


def test_a_long_name_is_cut_and_stays_apart() -> None:
    one, other = (stratum_of({"key": "x" * 200 + end}, ["key"]) for end in "ab")
    assert one != other
    assert len(one) == len(other) == 117
    assert stratum_of({"key": "x" * 100}, ["key"]) == "x" * 100


OFF: dict[str, Any] = {"min_score": None, "stratify": {"by": [], "quotas": None}}


def shuffled(games: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same traces in other partitions, inserted in another order, on other cores."""
    set_params(extract={"partition_rows": 7, "scores": None}, selection={"strategy": "all", "limit": None, **OFF})
    monkeypatch.setenv("TRACES_WORKERS", "3")
    extract_and_select(game_row(n) for n in reversed(range(100)))


def test_neither_partitions_nor_workers_nor_order_change_the_choice(
    games: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = {n: (n * 37 % 10) / 10 for n in range(0, 100, 2)}

    def choices() -> list[list[int]]:
        found = [stratified(33), stratified(quotas={"b": 7, "c": 9})]
        give_scores(score)
        return [*found, selected(selection={"strategy": "quality", "limit": 13, **OFF})]

    before = choices()
    shuffled(games, monkeypatch)
    assert choices() == before


def test_a_slip_in_strata_is_refused(games: None) -> None:
    with pytest.raises(TracesError, match=r"selection.stratify.by: no trace has the metadata key gaem; take it out; "):
        stratified(5, by=["gaem"])
    says = r"selection.stratify.quotas.chess: none of 10 traces has this game; take it out, or loosen `filters`"
    with pytest.raises(TracesError, match=says):
        stratified(quotas={"a": 1, "chess": 1})
    with pytest.raises(TracesError, match=r"no trace is left of 100: 100 unlisted; loosen `filters` or `selection`"):
        stratified(quotas={"chess": 1})


def give_scores(scores: dict[int, float]) -> None:
    """Give the extracted traces these scores, by number, as if the pin had them."""
    set_params(extract={"scores": "helpful"})
    known = {trace_id(n): score for n, score in scores.items()}
    SCORES.mkdir(exist_ok=True)
    for name in partition_names(TRACES):
        ids = [found for found, _ in read_rows(partition_path(TRACES, name), ["id", "meta"])]
        rows = [(found, known[found]) for found in ids if found in known]
        write_partition(partition_path(SCORES, name), SCORES_SCHEMA, rows)


def test_quality_takes_the_best_and_of_equals_the_earliest(games: None) -> None:
    give_scores({1: 0.5, 5: 0.9, 20: 0.9, 40: float("inf"), 60: 0.9, 70: float("-inf"), 99: 0.1})
    assert selected(selection={"strategy": "quality", "limit": 3}) == [5, 20, 40]
    held = counts()
    assert (held["unscored"], held["low_score"], held["over_limit"], held["selected"]) == (93, 0, 4, 3)
    assert selected(selection={"limit": None}) == [1, 5, 20, 40, 60, 70, 99]
    assert selected(selection={"min_score": 0.5, "limit": 100}) == [1, 5, 20, 40, 60]
    assert (counts()["unscored"], counts()["low_score"]) == (93, 2)


def test_a_least_score_is_a_bound_for_any_strategy(games: None) -> None:
    give_scores({n: n / 100 for n in range(0, 100, 2)})
    assert selected(selection={"strategy": "latest", "limit": 2, "min_score": 0.9}) == [96, 98]
    assert counts()["over_limit"] == 3
    assert of_games(stratified(quotas={"a": 3}, min_score=0)) == {"a": 3}


def test_of_duplicates_the_best_stays_where_quality_is_asked_for(workspace: Path) -> None:
    same = {"prompt": "?", "steps": row(0)["payload"]["steps"], "final_answer": "!"}
    set_params(split=ALL_TRAIN | {"group_by": []})
    extract_and_select([row(1, **same), row(2), row(3, **same), row(4, **same)])
    give_scores({1: 0.1, 2: 0.5, 3: 0.9, 4: 0.9})
    for dedup in ("exact", "near"):
        assert selected(selection={"strategy": "quality", "limit": 1, "dedup": dedup}) == [3]
        assert counts()["deduplicated"] == 2
        assert selected(selection={"strategy": "all", "limit": None, "min_score": 0}) == [1, 2]
        set_params(selection={"min_score": None})


def test_scores_that_there_are_not_are_said(games: None) -> None:
    set_params(extract={"scores": "helpful"})
    with pytest.raises(TracesError, match=r"data/scores: holds no scores to select by; `traces pin` and `dvc repro` "):
        selected(selection={"strategy": "quality"})
    give_scores({1: 0.5})
    with pytest.raises(TracesError, match=r"no trace is left of 100: 99 unscored, 1 low score; loosen `filters` or "):
        selected(selection={"min_score": 0.6})


def test_characters_are_those_of_prompt_steps_and_answer(workspace: Path) -> None:
    set_params(split=ALL_TRAIN | {"group_by": []})
    steps = [{"i": i, "type": "think", "content": "é" * (i + 1)} for i in range(4)]
    extract_and_select(row(n, prompt="😀" * (n + 1), steps=steps[: n % 4 + 1], final_answer="漢字") for n in range(40))
    wanted = [n + 1 + 2 + sum(range(1, n % 4 + 2)) for n in range(40)]
    assert {11, 16} < set(wanted)
    (name,) = partition_names(TRACES)
    columns = ["prompt", "steps", "final_answer"]
    (batch,) = read_chunks(partition_path(TRACES, name), columns)
    assert characters(batch).tolist() == wanted
    assert characters(batch.slice(7, 20)).tolist() == wanted[7:27]
    for low, high in ((11, 16), (None, 12), (30, None)):
        found = selected(selection={"min_characters": low, "max_characters": high})
        assert found == [n for n in range(40) if (low or 0) <= wanted[n] <= (high or 100)]
        assert counts()["too_short"] == sum(size < (low or 0) for size in wanted)
        assert counts()["too_long"] == sum(size > (high or 100) for size in wanted)


def test_the_store_s_scores_select_and_the_gate_selects_again(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    time = "2026-02-01 00:00:00"
    url = scored_store([(n, "helpful", n / 10, time) for n in range(7)])
    monkeypatch.setenv(DATABASE_URL, url)
    asked = {"strategy": "quality", "limit": 3, "min_score": 0.2}
    set_params(split=ALL_TRAIN | {"group_by": []}, extract={"scores": "helpful"}, selection=asked)
    pin_scored(url)
    for stage in (extract_traces, select, render, export):
        stage.work(load_params())
    describe()
    validate.work(load_params())
    assert numbers() == [4, 5, 6]
    held, stats = json.loads(MANIFEST.read_text()), json.loads(STATS.read_text())
    assert held["selection"] | asked == held["selection"]
    for name, count in {"unscored": 3, "low_score": 2, "over_limit": 2, "selected": 3}.items():
        assert stats[name] == held["counts"][name] == count
    # What lies in data/selection/ is held to the scores.
    (name,) = partition_names(SELECTION)
    set_params(selection={"limit": 2})
    select.work(load_params())
    assert numbers() == [5, 6]
    set_params(selection={"limit": 3})
    with pytest.raises(TracesError, match="faults, named above"):
        validate.work(load_params())


def test_strata_are_in_the_statistics(workspace: Path) -> None:
    set_params(split=ALL_TRAIN | {"group_by": []})
    pin_rows(game_row(n) for n in range(100))
    extract_traces.work(load_params())
    assert len(stratified(quotas={"b": 5})) == 5
    render.work(load_params())
    assert json.loads(STATS.read_text())["strata"] == {"b": 5}
