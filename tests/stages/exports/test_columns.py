"""The columns of tunix_grpo that come from metadata: what they lack is counted, and params add more of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from commands.summary import lines
from stages import export, extract_traces, render, select, validate
from stages.exports.parquet import write_parquet
from stages.params.reading import load_params
from stages.paths import CARD, COLUMN_COUNTS, COUNTS, CROISSANT, EXPORT, MANIFEST, PARQUET, VALIDATION, shards
from tests.stages.lockfile import build, pin_rows, set_params
from tests.support.samples import row
from traces.errors import TracesError

METAS: list[dict[str, Any]] = [
    {"legal_actions": [2, 3, 7], "seat": 1.0, "level": "hard", "points": 7.0},
    {"legal_actions": "draw, pass", "seat": "two", "level": ["a", 1]},
    {"legal_actions": ["draw", None], "game": "g", "seed": 4, "level": None},
]


def rows() -> list[dict[str, Any]]:
    return [row(n, meta={"source": "ungar", **meta}) for n, meta in enumerate(METAS)]


def ask(**params: Any) -> None:
    set_params(split={"validation": 0, "test": 0, "group_by": []}, **params)


def exported() -> list[dict[str, Any]]:
    return [json.loads(line) for _, path in shards("tunix_grpo") for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("memo", ["on", "off"])
def test_columns_that_params_name_are_in_every_file_that_describes_the_records(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, memo: str
) -> None:
    monkeypatch.setenv("TRACES_MEMO", memo)
    ask(export={"formats": ["trace", "tunix_grpo"], "columns": ["level", "points"]})
    build(rows())
    assert [(record["level"], record["points"]) for record in exported()] == [("hard", "7"), ('["a",1]', ""), ("", "")]
    (copy,) = (PARQUET / "tunix_grpo").glob("*.parquet")
    assert pq.read_table(copy).select(["seat", "level", "points"]).to_pylist() == [
        {"seat": 1, "level": "hard", "points": "7"},
        {"seat": -1, "level": '["a",1]', "points": ""},
        {"seat": -1, "level": "", "points": ""},
    ]
    assert "level" not in pq.read_table(next((PARQUET / "trace").glob("*.parquet"))).column_names
    assert "| `level` | text | a metadata key that `export.columns` names" in CARD.read_text()
    (records,) = (one for one in json.loads(CROISSANT.read_bytes())["recordSet"] if one["@id"] == "tunix_grpo")
    assert [field["name"] for field in records["field"]][-3:] == ["level", "points", "split"]
    validate.work(load_params())


@pytest.mark.parametrize("name", ["__level", "__dict__", "__slots__", "__post_init__", "__module__", "_level", "match"])
def test_a_column_may_have_any_name_that_a_keyword_can_have(tmp_path: Path, name: str) -> None:
    held = {"id": "a", "prompts": "p", "question": "q", "answer": "a", "legal_actions": "", "game": "g"}
    record = {**held, "seat": 1, "seed": 2, name: "hard"}
    (tmp_path / "shard.jsonl").write_text(json.dumps(record) + "\n")
    write_parquet(tmp_path / "shard.jsonl", "tunix_grpo", tmp_path / "copy.parquet", (name,))
    assert pq.read_table(tmp_path / "copy.parquet").to_pylist() == [record]


def test_what_columns_lack_is_counted_and_said(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask(export={"formats": ["tunix_grpo"], "columns": ["level"]})
    build(rows())
    said = capsys.readouterr().err
    assert "export: note: tunix_grpo: legal_actions is empty in 2 records, since it was not understood there" in said
    assert "export: note: tunix_grpo: seat is -1 in 1 records, since it was not understood there" in said
    counts = {
        "legal_actions": {"absent": 0, "not_understood": 2},
        "game": {"absent": 2, "not_understood": 0},
        "seat": {"absent": 1, "not_understood": 1},
        "seed": {"absent": 2, "not_understood": 0},
        "level": {"absent": 1, "not_understood": 0},
    }
    assert json.loads(COLUMN_COUNTS.read_bytes()) == {"tunix_grpo": counts}
    manifest = json.loads(MANIFEST.read_bytes())
    assert manifest["exports"]["tunix_grpo"]["columns"] == counts
    assert "`tunix_grpo` has no `legal_actions` of 2 traces" in CARD.read_text()
    assert "not understood, and so without a value: legal_actions of 2 traces, seat of 1 trace" in "\n".join(
        lines(manifest, None)
    )


def test_the_gate_finds_counts_and_columns_that_are_not_the_data_s(workspace: Path) -> None:
    ask(export={"formats": ["tunix_grpo"], "columns": ["level"]})
    build(rows())
    COLUMN_COUNTS.write_text(COLUMN_COUNTS.read_text().replace('"not_understood": 2', '"not_understood": 0'))
    with pytest.raises(TracesError):
        validate.work(load_params())
    assert "data/columns.json: not what counting again gives" in " ".join(faults())
    (path,) = (EXPORT / "tunix_grpo").glob("*.jsonl")
    path.write_text(path.read_text().replace('"level":"hard"', '"level":"easy"'))
    with pytest.raises(TracesError):
        validate.work(load_params())
    assert "level: not what its trace gives" in " ".join(faults())


def faults() -> list[str]:
    held: list[str] = json.loads(VALIDATION.read_bytes())["first_faults"]
    return held


def test_a_column_that_no_selected_trace_has_is_refused(workspace: Path) -> None:
    ask(export={"formats": ["tunix_grpo"], "columns": ["levle"]})
    pin_rows(rows())
    for stage in (extract_traces, select, render):
        stage.work(load_params())
    with pytest.raises(
        TracesError, match=r"export.columns: none of 3 selected traces has the metadata key levle; take"
    ):
        export.work(load_params())


def test_without_the_format_there_are_no_counts(workspace: Path) -> None:
    ask(export={"formats": ["trace"], "columns": ["level"]})
    build(rows())
    assert json.loads(COLUMN_COUNTS.read_bytes()) == {}
    validate.work(load_params())


@pytest.mark.parametrize(
    ("answers", "repeated", "contradicting"),
    [
        (["4", "4"], 1, 0),
        (["4", " 4\n"], 1, 0),
        (["caf\u00e9", "cafe\u0301"], 1, 0),
        (["4", "5"], 1, 1),
        (["4", "-4", "4"], 1, 1),
        (["a b", "ab"], 1, 1),
        (["Yes", "yes"], 1, 1),
    ],
)
def test_prompts_whose_traces_contradict_each_other_are_counted(
    workspace: Path, answers: list[str], repeated: int, contradicting: int
) -> None:
    """The prompts are one at the level canonical; another prompt with another answer contradicts nothing."""
    ask()
    prompts = ["What  is it?", "What is it? ", "What is\u200b it?"]
    asked = [row(n, prompt=prompts[n], final_answer=answer) for n, answer in enumerate(answers)]
    pin_rows([*asked, row(9, prompt="What?", final_answer="no")])
    for stage in (extract_traces, select):
        stage.work(load_params())
    counts = json.loads(COUNTS.read_bytes())
    assert (counts["repeated_prompts"], counts["contradicting_prompts"]) == (repeated, contradicting)
