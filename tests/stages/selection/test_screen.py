"""The screen in `select`: what is set aside, said and counted, and that the gate lets none through."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages import select, validate
from stages.params.reading import load_params
from stages.paths import MANIFEST, SET_ASIDE, STATS, TRACES
from stages.runtime.partitioned import partition_names, partition_path, read_rows
from tests.stages.lockfile import build, extract_and_select, set_params, write_lock
from tests.stages.selection.private_texts import EMAILS
from tests.stages.selections import ALL_TRAIN, counts, numbers, rewrite_selection, selected
from tests.support.samples import row, trace_id
from traces.errors import TracesError

QUESTION = "Which of these four cards is the highest that may lawfully be played to this trick, and why is it so?"
KEY = "AKIA" + "J7QX" * 4  # made up, and in no file as a whole
EMAIL = "ann.lee" + "@example.org"
ROWS = [
    *(row(n) for n in range(6)),
    row(6, prompt=f"Say. {QUESTION}"),
    row(7, steps=[{"i": 0, "type": "think", "content": QUESTION.lower()}]),
    row(8, final_answer=f"Ask {EMAIL} about {KEY}"),
    row(9, meta={"source": "ungar", "game": "sums", "seed": 1, "by": {"mail": EMAIL}}),
    row(10, prompt=f"{QUESTION} {EMAIL}"),
    row(11, prompt="Why?"),
]
SCREENED = {
    "decontaminate": {"evalsets": ["cards.jsonl", "more.jsonl"]},
    "privacy": {"set_aside": ["secrets", "emails"]},
}


@pytest.fixture
def evalsets(workspace: Path) -> Path:
    set_params(split=ALL_TRAIN | {"group_by": []}, extract={"partition_rows": 4})
    for name, prompts in (("cards", ["Whose turn is it now?", QUESTION]), ("more", ["Why?"])):
        lines = (json.dumps({"prompt": prompt, "answer": "4"}) + "\n" for prompt in prompts)
        Path(f"data/evalsets/{name}.jsonl").write_text("".join(lines))
    return workspace


def listed() -> list[dict[str, Any]]:
    return [json.loads(line) for line in SET_ASIDE.read_text().splitlines()]


def test_what_overlaps_or_tells_is_set_aside_with_its_reason(evalsets: Path) -> None:
    extract_and_select(ROWS)
    assert numbers() == list(range(12))
    assert not SET_ASIDE.exists()
    assert selected(**SCREENED) == list(range(6))
    assert (counts()["contaminated"], counts()["sensitive"], counts()["selected"]) == (4, 2, 6)
    assert counts()["set_aside"] == {"AWS Access Key": 1, "E-mail Address": 2, "cards.jsonl": 3, "more.jsonl": 1}
    contaminated = {"fate": "contaminated", "evalset": "cards.jsonl", "line": 2, "shared": 14, "ngrams": 14}
    found = {held.pop("id"): held for held in listed()}
    assert found == {
        trace_id(6): contaminated,
        trace_id(7): contaminated,
        trace_id(8): {
            "fate": "sensitive",
            "found": [
                {"in": "final_answer", "kind": "AWS Access Key"},
                {"in": "final_answer", "kind": "E-mail Address"},
            ],
        },
        trace_id(9): {"fate": "sensitive", "found": [{"in": "meta", "kind": "E-mail Address"}]},
        trace_id(10): contaminated,
        trace_id(11): {"fate": "contaminated", "evalset": "more.jsonl", "line": 1, "shared": 1, "ngrams": 1},
    }
    assert [*found] == [trace_id(n) for n in range(6, 12)]


def test_addresses_are_found_however_they_are_written_and_traces_stay_as_they_were(workspace: Path) -> None:
    set_params(split=ALL_TRAIN | {"group_by": []}, privacy={"set_aside": ["emails"]})
    texts = [text for form in EMAILS for text in (form.found, form.near_miss)]
    extract_and_select([row(n, final_answer=text) for n, text in enumerate(texts)])
    assert numbers() == [*range(1, len(texts), 2)]
    assert {line["id"] for line in listed()} == {trace_id(n) for n in range(0, len(texts), 2)}
    stored = {text for name in partition_names(TRACES) for (text,) in rows_of_answers(name)}
    assert stored == set(texts)


def test_what_a_filter_or_a_bound_leaves_out_is_not_looked_at(evalsets: Path) -> None:
    extract_and_select(ROWS)
    assert selected(**SCREENED, selection={"max_characters": 100}) == list(range(6))
    assert (counts()["too_long"], counts()["contaminated"], counts()["sensitive"]) == (3, 1, 2)
    with pytest.raises(TracesError, match=r"no trace is left of 12: 9 too short, 3 contaminated; loosen"):
        selected(selection={"min_characters": 100, "max_characters": None})


def test_quotas_count_what_is_left(evalsets: Path) -> None:
    extract_and_select(ROWS)
    stratify = {"by": ["game"], "quotas": {"sums": 10}}
    assert selected(**SCREENED, selection={"strategy": "stratified", "seed": 1, "stratify": stratify}) == list(range(6))
    assert counts()["strata"] == {"sums": 6}


def test_neither_partitions_nor_workers_nor_the_memo_change_it(evalsets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACES_MEMO", "on")
    set_params(**SCREENED)
    extract_and_select(ROWS)
    before = SET_ASIDE.read_bytes()
    select.work(load_params())
    assert SET_ASIDE.read_bytes() == before
    # Another content of the same file is another screen.
    Path("data/evalsets/cards.jsonl").write_text(json.dumps({"prompt": "Whose turn is it now?"}) + "\n")
    select.work(load_params())
    assert (counts()["contaminated"], counts()["sensitive"]) == (1, 3)
    Path("data/evalsets/cards.jsonl").write_text(json.dumps({"prompt": QUESTION}) + "\n" * 1)
    monkeypatch.setenv("TRACES_WORKERS", "3")
    set_params(extract={"partition_rows": 2})
    extract_and_select(ROWS)
    assert SET_ASIDE.read_bytes() == before.replace(b'"line":2', b'"line":1')


def test_the_gate_lets_through_none_that_was_selected_all_the_same(evalsets: Path) -> None:
    set_params(**SCREENED, extract={"partition_rows": 1000})
    build(ROWS)
    write_lock()
    validate.work(load_params())
    manifest, stats = (json.loads(path.read_text()) for path in (MANIFEST, STATS))
    assert [*manifest["decontaminate"]["evalsets"]] == ["cards.jsonl", "more.jsonl"]
    assert manifest["counts"]["sensitive"] == stats["sensitive"] == 2
    assert stats["set_aside"] == {"AWS Access Key": 1, "E-mail Address": 2, "cards.jsonl": 3, "more.jsonl": 1}
    rewrite_selection(lambda rows: [*rows, (trace_id(6), "train")])
    write_lock()
    with pytest.raises(TracesError, match="faults"):
        validate.work(load_params())
    faults = json.loads(Path("reports/validation.json").read_text())["first_faults"]
    assert [line for line in faults if trace_id(6) in line and "where selecting again gives nothing" in line]


@pytest.mark.parametrize(
    "change",
    [lambda _: "", lambda text: text.replace('"line":2', '"line":1'), lambda text: text + "{}\n"],
)
def test_an_edited_list_is_found(evalsets: Path, change: Callable[[str], str]) -> None:
    set_params(**SCREENED)
    build(ROWS)
    SET_ASIDE.write_text(change(SET_ASIDE.read_text()))
    write_lock()
    with pytest.raises(TracesError, match="faults"):
        validate.work(load_params())
    faults = json.loads(Path("reports/validation.json").read_text())["first_faults"]
    assert f"{SET_ASIDE}: not what selecting again gives" in faults


def test_what_was_found_stands_nowhere_but_in_the_stored_traces(
    evalsets: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    set_params(**SCREENED)
    build(ROWS)
    write_lock()
    validate.work(load_params())
    out, err = capfd.readouterr()
    files = [path for path in evalsets.rglob("*") if path.is_file() and path.parent != evalsets / TRACES]
    assert len(files) > 20
    for told in (KEY.encode(), EMAIL.encode()):
        assert told not in (out + err).encode()
        assert not [path for path in files if told in path.read_bytes()]
    assert any(KEY in text for name in partition_names(TRACES) for (text,) in rows_of_answers(name))


def test_a_key_that_tells_is_not_listed_where_a_slip_is_explained(evalsets: Path) -> None:
    extract_and_select([row(0), row(1, meta={"source": "ungar", KEY: 1, f"to {EMAIL}": 2})])
    for changes in ({"filters": {"gaem": "x"}}, {"split": {"group_by": ["gaem"]}}):
        set_params(**SCREENED, **changes)
        with pytest.raises(TracesError, match="there are created_at, episode_index, game, seed, source, trace_version"):
            select.work(load_params())
        set_params(filters={"gaem": None}, split={"group_by": []})


def rows_of_answers(name: str) -> list[tuple[str]]:
    return list(read_rows(partition_path(TRACES, name), ["final_answer"]))
