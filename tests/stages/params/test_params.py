"""params.yaml: what is wrong is named by its key, in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from stages.params.reading import load_params
from stages.params.schema import params_schema
from stages.params.values import FormatName, TemplateName
from stages.schemas import fast_validator, load_schema
from stages.yaml_file import read_yaml
from tests.stages.lockfile import set_params
from tests.support.shell import ROOT
from traces.errors import TracesError
from training.formats import FORMATS
from training.templates import template_names


@pytest.mark.parametrize(
    ("group", "change", "says"),
    [
        ("selection", {"strategy": "best"}, "selection.strategy: 'best': input should be 'all', 'latest', 'random', "),
        ("selection", {"strategy": "random"}, "selection: strategy random needs selection.seed, a whole number"),
        ("selection", {"limit": 0}, "selection.limit: 0: input should be greater than or equal to 1"),
        ("selection", {"limit": "ten"}, "selection.limit: 'ten': is not a whole number"),
        ("selection", {"limit": True}, "selection.limit: True: is not a whole number"),
        ("selection", {"limit": 1.5}, "selection.limit: 1.5: input should be a valid integer"),
        (
            "selection",
            {"limit": 5},
            "selection: a limit needs strategy latest, random, stratified or quality: `all` takes",
        ),
        (
            "selection",
            {"strategy": "stratified"},
            "selection: strategy stratified needs selection.seed, a whole number",
        ),
        (
            "selection",
            {"strategy": "stratified", "seed": 1},
            "selection: strategy stratified and selection.stratify.by, a",
        ),
        (
            "selection",
            {"stratify": {"by": ["game"]}},
            "selection: strategy stratified and selection.stratify.by, a list",
        ),
        ("selection", {"stratify": {"by": "game"}}, "selection.stratify.by: 'game': input should be a valid list"),
        (
            "selection",
            {"stratify": {"quotas": {"a": 1}}},
            "selection.stratify: quotas are by the values of one key: give",
        ),
        ("selection", {"stratify": {"by": ["a"], "quotas": {}}}, "selection.stratify.quotas: "),
        (
            "selection",
            {"stratify": {"by": ["a"], "quotas": {"x": 0}}},
            "selection.stratify.quotas.x: 0: input should be",
        ),
        (
            "selection",
            {"strategy": "stratified", "seed": 1, "stratify": {"by": ["a"]}},
            "selection: strategy stratified needs either selection.limit, shared equally, or stratify.quotas",
        ),
        (
            "selection",
            {"strategy": "stratified", "seed": 1, "limit": 5, "stratify": {"by": ["a"], "quotas": {"x": 1}}},
            "selection: strategy stratified needs either selection.limit, shared equally, or stratify.quotas",
        ),
        (
            "selection",
            {"strategy": "quality"},
            "selection: strategy quality needs scores; name their criteria in extract.scores, and run `traces pin`",
        ),
        ("selection", {"min_score": 0.5}, "selection: min_score needs scores; name their criteria in extract.scores"),
        ("selection", {"min_score": "high"}, "selection.min_score: 'high': is not a number"),
        ("selection", {"min_score": float("nan")}, "selection.min_score: nan: input should be a finite number"),
        ("selection", {"min_characters": 0}, "selection.min_characters: 0: input should be greater than or equal to 1"),
        (
            "selection",
            {"min_characters": 9, "max_characters": 8},
            "selection: min_characters 9 is over max_characters 8",
        ),
        (
            "selection",
            {"near_threshold": 0.4},
            "selection.near_threshold: 0.4: input should be greater than or equal to",
        ),
        ("selection", {"seed": -1}, "selection.seed: -1: "),
        ("selection", {"dedup": "fuzzy"}, "selection.dedup: 'fuzzy': input should be 'none', 'exact' or 'near'"),
        ("selection", {"sede": 1}, "selection.sede: no such param"),
        ("split", {"test": 1.5}, "split.test: 1.5: input should be less than or equal to 1"),
        ("split", {"test": -0.1}, "split.test: -0.1: input should be greater than or equal to 0"),
        ("split", {"validation": 0.6, "test": 0.6}, "split: validation and test together are over 1"),
        ("split", {"group_by": "seed"}, "split.group_by: 'seed': input should be a valid list"),
        ("filters", {"game": {"a": 1}}, "filters.game: {'a': 1} is not a scalar, a list of scalars, a range"),
        ("filters", {"game": {}}, "filters.game: {} is not a scalar, a list of scalars, a range"),
        ("filters", {"seed": {"min": None}}, "filters.seed: "),
        ("render", {"template": "alpaca"}, "render.template: 'alpaca': input should be 'gemma'"),
        ("render", {"system": ""}, "render.system: '': string should have at least 1 character"),
        ("render", {"system": "${oc.env:HOME}"}, "render.system: holds `${`"),
        ("render", {"control_tokens": "keep"}, "render.control_tokens: 'keep': input should be 'neutralise' or"),
        ("filters", {"game": ["a", "b${x}"]}, "filters.game: holds `${`"),
        ("filters", {"${x}": 1}, "filters: a key: holds `${`"),
        ("filters", {"seed": {"max": float("inf")}}, "filters.seed: "),
        ("filters", {"seed": float("nan")}, "filters.seed: nan is not a scalar"),
        ("selection", {"strategy": "latest", "limit": 10**20}, "selection.limit: 100000000000000000000: input should"),
        ("split", {"validation": True}, "split.validation: True: is not a number"),
        ("export", {"formats": ["trace", "trace"]}, "export: a format is named twice"),
        (
            "export",
            {"formats": ["tunix_dpo"], "preference": {}},
            "export.formats: tunix_dpo: of export.preference.key and extract.scores neither ranks; set",
        ),
        (
            "export",
            {"formats": ["csv", "tunix_dpo"]},
            "export.formats.0: 'csv': input should be 'trace', ",
        ),
        (
            "export",
            {"preference": {"order": [1, 2]}},
            "export.preference: an order needs the key whose values it orders",
        ),
        (
            "export",
            {"preference": {"key": "x", "order": [1]}},
            "export.preference.order: [1]: list should have at least 2",
        ),
        (
            "export",
            {"preference": {"key": "x", "order": [1, 2, 1]}},
            "export.preference: a value is in the order",
        ),
        ("export", {"columns": ["a", "a"]}, "export: a column is named twice in `columns`"),
        (
            "export",
            {"columns": ["step"]},
            "export: columns: tunix_grpo, Croissant, Tunix or Python has the name step already, so it",
        ),
        (
            "export",
            {"columns": ["answer"]},
            "export: columns: tunix_grpo, Croissant, Tunix or Python has the name answer already",
        ),
        (
            "export",
            {"columns": ["split"]},
            "export: columns: tunix_grpo, Croissant, Tunix or Python has the name split",
        ),
        (
            "export",
            {"columns": ["class"]},
            "export: columns: tunix_grpo, Croissant, Tunix or Python has the name class already",
        ),
        ("export", {"columns": ["a-b"]}, "export.columns.0: 'a-b': string should match pattern"),
        ("export", {"columns": "a"}, "export.columns: 'a': input should be a valid list"),
        *(
            ("export", {"preference": {"key": "x", "order": order}}, "export.preference: a value is in the order twice")
            for order in ([1, 2, 1.0], [1, "1"], ["1.0", 2, 1], ["a b", "a  b"], [True, False, True])
        ),
        *(
            (
                "selection",
                {"strategy": "stratified", "seed": 1, "stratify": {"by": ["a"], "quotas": quotas}},
                "selection.stratify.quotas: ",
            )
            for quotas in ({7: 1, "7": 2}, {7: 1, 7.5: 1, "7.50": 1}, {"x": 1, " x": 1})
        ),
        ("export", {"formats": []}, "export.formats: []: list should have at least 1 item"),
        ("export", {"formats": ["csv"]}, "export.formats.0: 'csv': input should be 'trace', 'tunix_sft', "),
        ("dataset", {"name": "a/b"}, "dataset.name: 'a/b': string should match pattern"),
        ("dataset", {"version": ""}, "dataset.version: '': string should match pattern"),
        ("extract", {"partition_rows": 0}, "extract.partition_rows: 0: "),
    ],
)
def test_a_bad_value_is_named_by_its_key(workspace: Path, group: str, change: dict[str, Any], says: str) -> None:
    with pytest.raises(TracesError) as refused:
        set_params(**{group: change})
    assert str(refused.value).startswith(f"params.yaml: {says}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "params.yaml, line 1: expected the node content"),
        ("a: b: c", "params.yaml, line 1: mapping values are not allowed"),
        ("- a", "params.yaml: expected groups of params"),
        ("", "params.yaml: expected groups of params"),
        (
            "dataset: {name: a, version: 2026-01-31}",
            'params.yaml: dataset.version: reads as a date, which DVC refuses; put it in quotes: "2026-01-31"',
        ),
        ("filters: {created_at: {max: 2026-01-31}}", "params.yaml: filters.created_at.max: reads as a date, which DVC"),
        ("filters: {created_at: 2026-01-31}", "params.yaml: filters.created_at: reads as a date, which DVC"),
        ("filters: {created_at: [2026-01-31]}", "params.yaml: filters.created_at: reads as a date, which DVC"),
        ("filters: {2026-01-31: 1}", "params.yaml: filters: a key: reads as a date, which DVC"),
        (
            "filters: {created_at: {max: 2026-01-31T12:00:00}}",
            'params.yaml: filters.created_at.max: reads as a time, which DVC refuses; put it in quotes: "2026-01-31T12',
        ),
        (
            "filters: {created_at: {max: 2026-01-31 12:00:00 +02:00}}",
            "params.yaml: filters.created_at.max: reads as a time, which DVC refuses; put it in quotes",
        ),
        (
            "filters: {created_at: {min: 2026-01-31T12:00:00Z}}",
            "params.yaml: filters.created_at.min: reads as a time, which DVC",
        ),
        ("dataset: {name: a, version: 2026-13-45}", "params.yaml: month must be in 1..12"),
        ("a: " + "9" * 5000, "params.yaml: Exceeds the limit"),
        ("dataset: {name: a, version: v1}", "params.yaml: extract: is missing"),
        ("a: !!python/object/apply:os.system [true]", "params.yaml"),
    ],
)
def test_a_file_that_is_not_params_is_refused(workspace: Path, text: str, says: str) -> None:
    Path("params.yaml").write_text(text)
    with pytest.raises(TracesError) as refused:
        load_params()
    assert str(refused.value).startswith(says)


@pytest.mark.parametrize(
    ("encoding", "says"),
    [
        ("utf-16", "this is UTF-16-LE, which DVC cannot read; save the file as UTF-8"),
        ("utf-16-be", "this is UTF-16-BE, which DVC cannot read"),
        ("cp1252", "byte "),
    ],
)
def test_params_in_another_encoding_are_refused_in_one_line(workspace: Path, encoding: str, says: str) -> None:
    path = Path("params.yaml")
    path.write_bytes(path.read_text().replace("v1", "\u00e9").encode(encoding))
    with pytest.raises(TracesError) as refused:
        load_params()
    assert str(refused.value).startswith(f"params.yaml: {says}")


def test_params_may_begin_with_a_byte_order_mark(workspace: Path) -> None:
    held = load_params()
    path = Path("params.yaml")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_params() == held


def test_a_missing_file_says_where_to_run(workspace: Path) -> None:
    Path("params.yaml").unlink()
    with pytest.raises(TracesError, match="no such file; run from the repository's root"):
        load_params()


def test_what_hydra_and_people_write_is_understood(workspace: Path) -> None:
    found = set_params(
        selection={"strategy": "latest", "limit": 1000.0},
        dataset={"version": 3},
        filters={"seed": {"min": 1, "max": 9}, "game": ["a", "b"], "score": 0.5, "kept": True},
    )
    assert (found.selection.limit, found.dataset.version) == (1000, "3")
    assert found.filters["kept"] is True


def test_a_quota_is_of_a_value_s_text(workspace: Path) -> None:
    asked = {"strategy": "stratified", "seed": 1, "stratify": {"by": ["seat"], "quotas": {0: 5, True: 2, "x": 1}}}
    assert set_params(selection=asked).selection.stratify.quotas == {"0": 5, "true": 2, "x": 1}
    asked["stratify"] = {"by": ["seat"], "quotas": {1.0: 5, "2.50": 2, "007": 1}}
    assert set_params(selection=asked).selection.stratify.quotas == {"1": 5, "2.5": 2, "007": 1}


def test_an_order_may_have_values_of_each_kind(workspace: Path) -> None:
    order = [True, "true", 1, "one", 0.5]
    assert set_params(export={"preference": {"key": "x", "order": order}}).export.preference.order == order


def test_scores_may_select_and_metadata_rank(workspace: Path) -> None:
    changes: dict[str, Any] = {"extract": {"scores": "helpful"}, "export": {"formats": ["tunix_dpo"]}}
    with pytest.raises(TracesError, match=r"export.formats: tunix_dpo: of export.preference.key .* both rank; set"):
        set_params(**changes)
    set_params(**changes, selection={"min_score": 0.5})


def test_params_of_before_there_were_more_are_read(workspace: Path) -> None:
    held = load_params()
    path = Path("params.yaml")
    lines = path.read_text().splitlines(keepends=True)
    added = ("stratify:", "  by:", "  quotas:", "min_", "max_characters", "near_threshold")
    path.write_text("".join(line for line in lines if not line.startswith(tuple(f"  {key}" for key in added))))
    assert len(path.read_text().splitlines()) == len(lines) - 7
    assert load_params() == held


def test_the_committed_schema_is_that_of_the_code_and_accepts_the_committed_params() -> None:
    assert (ROOT / "schemas/params.schema.json").read_text() == params_schema()
    held = load_params(ROOT / "params.yaml").model_dump(mode="json")
    assert fast_validator(load_schema("params")).is_valid(held)


def test_the_names_on_offer_are_those_that_there_are() -> None:
    assert list(get_args(FormatName)) == list(FORMATS)
    assert list(get_args(TemplateName)) == template_names()


def test_a_group_that_is_no_group_is_named(workspace: Path) -> None:
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("filters:\n  source: ungar\n  game: null", "filters: [a]"))
    with pytest.raises(TracesError, match=r"params.yaml: filters: \['a'\]: input should be a valid dictionary"):
        load_params()


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [
        ("selection", "limit", 0),
        ("selection", "seed", -1),
        ("selection", "near_threshold", 0.4),
        ("extract", "max_payload_bytes", 10**10),
        ("split", "test", 1.5),
        ("decontaminate", "threshold", 0),
        ("decontaminate", "evalsets", ["../x.jsonl"]),
        ("privacy", "set_aside", ["names"]),
        ("smoke_train", "steps", 1001),
    ],
)
def test_an_editor_that_goes_by_the_schema_refuses_it_too(group: str, key: str, value: object) -> None:
    params = read_yaml(ROOT / "params.yaml")
    validator = jsonschema.Draft202012Validator(json.loads(params_schema()))
    assert validator.is_valid(params)
    params[group][key] = value
    assert not validator.is_valid(params)
