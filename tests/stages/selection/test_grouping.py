"""What `select` says of groups and splits: prompts in train and test, keys that traces lack, a group that is large."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stages import select, validate
from stages.params.reading import load_params
from stages.paths import VALIDATION
from tests.stages.lockfile import build, extract_and_select, set_params
from tests.stages.selections import chosen, counts
from tests.support.samples import row

SPLIT = {"validation": 0.2, "test": 0.2}


def solutions(questions: int, each: int) -> list[dict[str, Any]]:
    """Rows: so many questions, of each so many solutions by other solvers."""
    return [
        row(
            number * each + solver,
            prompt=f"How many is {number} and {number}?",
            meta={"source": "ungar", "game": "sums", "solver": f"s{solver}-{number}"},
        )
        for number in range(questions)
        for solver in range(each)
    ]


def leaked() -> tuple[int, int]:
    held = counts()
    return held["held_out_prompts"], held["leaked_prompts"]


@pytest.mark.parametrize("group_by", [[], ["prompt"], ["prompt", "game"]])
def test_no_held_out_prompt_is_in_train(workspace: Path, group_by: list[str]) -> None:
    set_params(split=SPLIT | {"group_by": group_by})
    extract_and_select(solutions(60, 4))
    held_out, also_in_train = leaked()
    assert held_out > 10
    assert also_in_train == 0
    assert counts()["splits"]["test"] % 4 == 0


def test_prompts_in_train_and_test_are_counted_and_said(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_params(split=SPLIT | {"group_by": ["solver"]})
    build(solutions(60, 4))
    held_out, also_in_train = leaked()
    assert held_out >= also_in_train > 20
    said = " ".join(capsys.readouterr().err.split())
    assert f"{also_in_train} of {held_out} prompts outside of train are in train, too; split.group_by: [prompt]" in said
    validate.work(load_params())
    report = json.loads(VALIDATION.read_text())
    assert (report["held_out_prompts"], report["leaked_prompts"]) == (held_out, also_in_train)
    counted = json.loads(Path("data/manifest.json").read_text())["counts"]
    assert (counted["held_out_prompts"], counted["leaked_prompts"]) == (held_out, also_in_train)


def test_a_source_without_the_keys_is_in_every_split_and_that_is_said(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_params(split=SPLIT | {"group_by": ["seed"]}, filters={"source": None})
    rows = [row(n, meta={"source": "web"}) for n in range(60)]
    extract_and_select([*rows, row(60, meta={"source": "ungar", "seed": 1})])
    assert {split for _, split in chosen()} == {"train", "validation", "test"}
    said = " ".join(capsys.readouterr().err.split())
    assert "split.group_by: 60 of 61 traces have no seed; their prompt stands in for it" in said


def test_a_large_group_is_named(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_params(split=SPLIT | {"group_by": ["seed"]})
    rows = [row(n, meta={"source": "ungar", "seed": max(n, 20)}) for n in range(60)]
    extract_and_select(rows)
    said = " ".join(capsys.readouterr().err.split())
    assert f"21 of 60 traces are one group by seed, such as {rows[0]['id']}, and one split has all of them" in said
    set_params(split={"group_by": ["prompt"]})
    select.work(load_params())
    assert "one group" not in capsys.readouterr().err


def test_nothing_is_said_if_all_is_train(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_params(split={"validation": 0, "test": 0, "group_by": ["seed"]})
    extract_and_select([row(n, prompt="?", meta={"source": "ungar"} | ({"seed": 1} if n else {})) for n in range(9)])
    assert "group" not in capsys.readouterr().err
    assert leaked() == (0, 0)


@pytest.mark.parametrize("forms", [[7, "7"], [7, 7.0, "7.0"], ["caf\u00e9", "cafe\u0301"]])
def test_forms_of_one_value_are_in_one_split(workspace: Path, forms: list[Any]) -> None:
    """100 groups, each of traces that write the group's value in their own form."""
    set_params(split=SPLIT | {"group_by": ["game", "episode"]})
    extract_and_select(
        row(n, meta={"source": "ungar", "game": n // len(forms), "episode": forms[n % len(forms)]})
        for n in range(40 * len(forms))
    )
    splits = [split for _, split in sorted(chosen(), key=lambda found: IDS[found[0]])]
    for first in range(0, len(splits), len(forms)):
        assert len(set(splits[first : first + len(forms)])) == 1


IDS = {row(n)["id"]: n for n in range(200)}
