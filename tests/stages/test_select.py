"""select: the same choice for the same inputs, every trace's fate counted."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from stages import extract_traces, select
from stages.params.reading import load_params
from stages.runtime.partitioned import partition_names, partition_path, read_rows
from tests.stages.lockfile import extract_and_select, pin_rows, repin, set_params
from tests.stages.selections import ALL_TRAIN, chosen, counts, numbers, selected
from tests.stages.stores import pin_store
from tests.support.samples import created_at, payload, row, trace_id
from traces.errors import TracesError


@pytest.fixture
def hundred(workspace: Path) -> None:
    set_params(extract={"partition_rows": 16}, split=ALL_TRAIN | {"group_by": ["game", "seed"]})
    extract_and_select([row(n, meta={"source": "ungar", "game": "ab"[n % 2], "seed": n}) for n in range(100)])


def test_all_takes_every_trace_in_order(hundred: None) -> None:
    assert numbers() == list(range(100))


def test_latest_takes_the_newest(hundred: None) -> None:
    assert selected(selection={"strategy": "latest", "limit": 10}) == list(range(90, 100))
    assert counts()["over_limit"] == 90


def test_filters_come_before_the_limit(hundred: None) -> None:
    found = selected(filters={"game": "b"}, selection={"strategy": "latest", "limit": 3})
    assert found == [95, 97, 99]
    assert selected(filters={"game": ["a", "b"], "seed": {"min": 3, "max": 5}}) == [3, 4, 5]


def test_random_depends_on_the_seed_and_a_larger_limit_contains_a_smaller_one(hundred: None) -> None:
    ten = selected(selection={"strategy": "random", "limit": 10, "seed": 1})
    twenty = selected(selection={"limit": 20})
    assert len(ten) == 10 < len(twenty) == 20
    assert set(ten) < set(twenty)
    assert selected(selection={"limit": 10, "seed": 2}) != ten != list(range(10))


def test_random_does_not_depend_on_partitions_or_workers(hundred: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = selected(selection={"strategy": "random", "limit": 10, "seed": 1})
    set_params(extract={"partition_rows": 7})
    monkeypatch.setenv("TRACES_WORKERS", "3")
    extract_and_select(row(n, meta={"source": "ungar", "game": "ab"[n % 2], "seed": n}) for n in reversed(range(100)))
    assert numbers() == before


def test_exact_duplicates_are_counted_or_only_the_earliest_is_kept(workspace: Path) -> None:
    set_params(split=ALL_TRAIN)
    same = {"prompt": "?", "steps": row(0)["payload"]["steps"], "final_answer": "!"}
    extract_and_select([row(5, **same), row(3, **same), row(4), row(7, **same)])
    assert (counts()["duplicates"], counts()["selected"]) == (2, 4)
    assert selected(selection={"dedup": "exact"}) == [3, 4]
    assert (counts()["duplicates"], counts()["deduplicated"]) == (0, 2)


def test_every_trace_has_one_fate(workspace: Path) -> None:
    set_params(
        split=ALL_TRAIN,
        filters={"game": "sums"},
        selection={"strategy": "latest", "limit": 3, "dedup": "exact", "min_characters": 10, "max_characters": 99},
        render={"control_tokens": "reject"},
    )
    Path("data/exclusions.csv").write_text(f"trace,reason,date\n{trace_id(1)},asked,2026-01-31\n")
    same = {"prompt": "?", "steps": row(0)["payload"]["steps"], "final_answer": "!"}
    hostile = row(2, prompt="<end_of_turn>")
    extract_and_select(
        [row(0, meta={"source": "ungar", "game": "chess"}), row(1), hostile, row(3, **same), row(4, **same)]
        + [row(n) for n in range(5, 10)]
        + [row(10, prompt="?" * 99), row(11, prompt="?", steps=[{"i": 0, "type": "think", "content": "!"}])]
    )
    assert counts() == {
        "valid": 12, "reordered": 0,
        "filtered": 1, "excluded": 1, "rejected": 1, "too_short": 1, "too_long": 1, "unscored": 0,
        "low_score": 0, "unlisted": 0, "contaminated": 0, "sensitive": 0,
        "deduplicated": 1, "over_limit": 3, "selected": 3,
        "duplicates": 0, "held_out_prompts": 0, "leaked_prompts": 0,
        "repeated_prompts": 0, "contradicting_prompts": 0, "splits": {"train": 3, "validation": 0, "test": 0},
    }  # fmt: skip


def test_a_trace_can_be_excluded_by_what_it_says(workspace: Path) -> None:
    set_params(split=ALL_TRAIN)
    extract_and_select([row(0), row(1), row(2)])
    (digest,) = (
        found[0]
        for name in partition_names(Path("data/traces"))
        for found in read_rows(partition_path(Path("data/traces"), name), ["content_sha256", "id"])
        if found[1] == trace_id(1)
    )
    Path("data/exclusions.csv").write_text(f"trace,reason,date\nsha256:{digest},asked,2026-01-31\n")
    select.work(load_params())
    assert numbers() == [0, 2]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"filters": {"gaem": "a"}}, "params.yaml: filters.gaem: no trace has this metadata key; there are"),
        ({"filters": {"game": "chess"}}, "params.yaml: filters.game: 'chess' matches none of 100 traces"),
        ({"filters": {"trace_version": 1.5}}, "1.5 matches none of 100 traces; text matches text, a number also text"),
        ({"filters": {"seed": "7"}}, "'7' matches none of 100 traces; text matches text, a number also text that"),
        ({"filters": {"game": "a", "seed": 3}}, "no trace is left of 100: "),
        ({"split": {"validation": 0.001}}, "split validation is empty, 100 traces are selected; change the fractions"),
    ],
)
def test_a_choice_that_comes_out_empty_is_refused(hundred: None, changes: dict[str, Any], says: str) -> None:
    before = chosen()
    set_params(**changes)
    with pytest.raises(TracesError) as refused:
        select.work(load_params())
    assert says in str(refused.value)
    assert chosen() == before


def test_created_at_and_trace_version_can_be_filtered_on(hundred: None) -> None:
    assert selected(filters={"created_at": {"max": "2026-01-01T00:03"}, "trace_version": "1.0"}) == [0, 1, 2, 3]
    # Times, however they are written: 04:00 in Kolkata is 22:30 of the day before.
    assert selected(filters={"created_at": {"min": "2026-01-01T07:08:00+05:30"}}) == [98, 99]
    assert selected(filters={"created_at": ["2026-01-01T00:05:00Z", "2026-01-01 00:07"]}) == [5, 7]
    with pytest.raises(TracesError, match=r"filters.created_at: 'today' is not an ISO 8601 time"):
        selected(filters={"created_at": {"max": "today"}})


def test_a_date_as_an_end_includes_its_day(workspace: Path) -> None:
    times = [
        "2026-01-30T23:59:59.999999Z",
        "2026-01-31T00:00:00Z",
        "2026-01-31T23:59:59.999999Z",
        "2026-02-01T00:00:00Z",
    ]
    set_params(split=ALL_TRAIN | {"group_by": []}, filters={"source": None})
    extract_and_select(row(n, meta={"played": time}) | {"created_at": time} for n, time in enumerate(times))
    for key in ("created_at", "played"):
        for wanted, found in (
            ({"max": "2026-01-31"}, [0, 1, 2]),
            ({"min": "2026-01-31"}, [1, 2, 3]),
            ({"min": "2026-01-31", "max": "2026-01-31"}, [1, 2]),
            ({"max": "2026-01-31T00:00:00+00:00"}, [0, 1]),
        ):
            assert selected(filters={key: wanted}) == found, (key, wanted)
        set_params(filters={key: None})
    assert selected(filters={"created_at": "2026-01-31"}) == [1, 2]


FORMS = (7, "7", "7.0", 8, "8.0", "07")


def test_filters_and_strata_take_equal_numbers_for_one_value(workspace: Path) -> None:
    set_params(split=ALL_TRAIN | {"group_by": []}, filters={"source": None})
    values = [*FORMS, 7.0, 8.00]
    extract_and_select(row(n, meta={"seat": values[n % 8], "side": "x"}) for n in range(16))
    assert selected(filters={"seat": 7}) == [0, 1, 2, 6, 8, 9, 10, 14]
    assert selected(filters={"seat": [8.0, "07"]}) == [3, 4, 5, 7, 11, 12, 13, 15]
    assert selected(filters={"seat": {"min": 7.5, "max": 8}}) == [3, 4, 7, 11, 12, 15]
    assert selected(filters={"seat": "7"}) == [1, 9]
    for by, names in ((["seat"], ["07", "7", "8"]), (["seat", "side"], ['["07", "x"]', '[7, "x"]', '[8, "x"]'])):
        stratify = {"strategy": "stratified", "seed": 1, "limit": 6, "stratify": {"by": by}}
        selected(filters={"seat": None}, selection=stratify)
        assert counts()["strata"] == dict.fromkeys(names, 2)
    quotas = {"by": ["seat"], "quotas": {7.0: 3, "8.00": 2}}
    selected(selection={"limit": None, "stratify": quotas})
    assert counts()["strata"] == {"7": 3, "8": 2}


def test_a_group_is_in_one_split(workspace: Path) -> None:
    set_params(split={"validation": 0.3, "test": 0.3, "group_by": ["seed"]})
    extract_and_select([row(n, meta={"source": "ungar", "game": "g", "seed": n // 10}) for n in range(200)])
    sides: dict[int, set[str]] = {}
    for number, (_, split) in zip(numbers(), chosen(), strict=True):
        sides.setdefault(number // 10, set()).add(split)
    assert all(len(found) == 1 for found in sides.values())
    assert set.union(*sides.values()) == {"train", "validation", "test"}


def test_an_id_on_two_rows_is_refused(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.support.samples import stored

    set_params(split=ALL_TRAIN)
    hyphenated = (trace_id(1), *stored(1)[1:])
    pin_store(workspace, monkeypatch, [stored(1), hyphenated])
    extract_traces.work(load_params())
    says = f"id {trace_id(1)} stands on two rows of the store"
    with pytest.raises(TracesError, match=says):
        select.work(load_params())
    # Also where a filter takes only one of them: the other would be exported in its place.
    Path("store.db").unlink()
    other = stored(1, meta={"source": "ungar", "game": "other"})
    pin_store(workspace, monkeypatch, [stored(1), (trace_id(1), *other[1:])])
    extract_traces.work(load_params())
    with pytest.raises(TracesError, match=says):
        selected(filters={"game": "sums"})


def test_hostile_text_is_rejected_only_where_it_was_asked_for(workspace: Path) -> None:
    set_params(split=ALL_TRAIN)
    pin_rows([row(0), row(1, final_answer="a <bos> b")])
    extract_traces.work(load_params())
    assert selected() == [0, 1]
    assert selected(render={"control_tokens": "reject"}) == [0]


def test_a_group_by_a_key_that_no_trace_has_is_a_slip(hundred: None) -> None:
    with pytest.raises(
        TracesError, match=r"split.group_by: no trace has the metadata key gaem; take it out; there are"
    ):
        selected(split={"group_by": ["source", "gaem"]})


def test_equal_numbers_are_one_group_however_they_are_written(workspace: Path) -> None:
    set_params(split={"validation": 0.3, "test": 0.3, "group_by": ["seed"]})
    text = '{"id": "%s", "created_at": "%s", "payload": %s}\n'
    seeds = ["%d", "%d.0", "%d.00", "%de0"]
    lines = []
    for n in range(200):
        trace = json.dumps(payload(n, meta={"source": "ungar", "seed": "SEED"}))
        lines.append(text % (trace_id(n), created_at(n), trace.replace('"SEED"', seeds[n % 4] % (n // 4))))
    pin_rows([])
    Path("data/recorded/rows.jsonl.gz").write_bytes(gzip.compress("".join(lines).encode()))
    repin()
    extract_traces.work(load_params())
    select.work(load_params())
    sides: dict[int, set[str]] = {}
    for number, (_, split) in zip(numbers(), chosen(), strict=True):
        sides.setdefault(number // 4, set()).add(split)
    assert all(len(found) == 1 for found in sides.values())
    assert set.union(*sides.values()) == {"train", "validation", "test"}


def test_what_the_takedown_list_names_and_no_trace_is_is_said(
    hundred: None, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = [trace_id(1), trace_id(500), f"sha256:{'a' * 64}"]
    Path("data/exclusions.csv").write_text("trace,reason,date\n" + "".join(f"{i},asked,2026-01-31\n" for i in listed))
    assert selected(filters={"game": "b"}) == list(range(3, 100, 2))
    assert capsys.readouterr().err.splitlines() == [
        f"select: note: data/exclusions.csv names {name}, which no trace is" for name in listed[1:]
    ]
