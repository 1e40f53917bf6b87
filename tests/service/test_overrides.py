"""A request's params as `-S` arguments: DVC makes of them what was asked for, whatever the texts hold."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from service.jobs.overrides import comes_through
from service.jobs.request import BuildRequest
from stages.params.models import Stratify
from stages.params.values import key_text
from stages.yaml_file import read_yaml
from tests.support.shell import ROOT

PARAMS = ROOT / "params.yaml"
TEXT = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0\x85")), st.text("\\\"',:{}[]()= a$#~+", max_size=12)
).filter(lambda text: "${" not in text)
VALUE = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), TEXT,
    st.lists(TEXT, min_size=1, max_size=3), st.fixed_dictionaries({"min": TEXT}),
    st.fixed_dictionaries({"max": st.integers()}),
)  # fmt: skip
KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,9}", fullmatch=True)


def applied(request: BuildRequest, text: str) -> Any:
    """params.yaml as DVC makes it of the request's arguments."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        path.write_text(text)
        apply_overrides(path, request.arguments(read_yaml(PARAMS)))
        return read_yaml(path)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(KEYS, VALUE, max_size=4))
def test_dvc_makes_of_them_what_was_asked_for(filters: dict[str, Any]) -> None:
    request = BuildRequest(name="duels", version="v1", filters=filters)
    assert applied(request, PARAMS.read_text()) == request.params(read_yaml(PARAMS))


def test_a_request_says_what_is_different_and_replaces_the_filters(tmp_path: Path) -> None:
    asked: dict[str, Any] = {
        "strategy": "stratified", "seed": 7, "stratify": {"by": ["game"], "quotas": {"gin_rummy": 3}},
        "split": {"validation": 0.2, "test": 0, "group_by": []}, "formats": ["messages"], "template": "qwen3",
        "filters": {"seat": {"max": 1}},
    }  # fmt: skip
    request = BuildRequest(name="cards", version="2", **asked)
    held = applied(request, PARAMS.read_text())
    assert held["filters"] == {"source": None, "game": None, "seat": {"max": 1}}
    assert held["selection"] == read_yaml(PARAMS)["selection"] | {
        "strategy": "stratified", "limit": None, "seed": 7, "stratify": asked["stratify"],
    }  # fmt: skip
    assert (held["split"], held["export"]["formats"], held["render"]["template"]) == (
        asked["split"],
        ["messages"],
        "qwen3",
    )
    assert held["export"]["preference"] == read_yaml(PARAMS)["export"]["preference"]


@settings(deadline=None, max_examples=60)
@given(st.text("a1e.:,=(){}[]\\\"' /-", min_size=1, max_size=6))
def test_a_key_of_quotas_is_the_same_or_refused(key: str) -> None:
    asked = {"strategy": "stratified", "seed": 7, "stratify": {"by": ["game"], "quotas": {key: 3}}}
    try:
        request = BuildRequest.model_validate({"name": "cards", "version": "2", **asked})
    except ValidationError as refused:
        assert {error["loc"][0] for error in refused.errors()} == {"stratify"}
    else:
        found = applied(request, PARAMS.read_text())["selection"]["stratify"]
        assert Stratify.model_validate(found).quotas == {key_text(key): 3}


def test_keys_that_people_have_come_through() -> None:
    for key in ("gin_rummy", "war:3,high", "a=b", "0", "true", "1.5", "meta/llama:8b"):
        assert comes_through(key), key


def test_a_split_says_what_it_differs_in() -> None:
    request = BuildRequest.model_validate({"name": "cards", "version": "2", "split": {"test": 0.3}})
    assert applied(request, PARAMS.read_text())["split"] == read_yaml(PARAMS)["split"] | {"test": 0.3}


def test_a_fault_of_a_filter_is_said_of_its_key() -> None:
    with pytest.raises(ValidationError) as refused:
        BuildRequest.model_validate({"name": "a", "version": "1", "filters": {"game": "x", "source": "${oc.env:HOME}"}})
    assert [error["loc"][:2] for error in refused.value.errors()] == [("filters", "source")]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"strategy": "random"}, "seed"),
        ({"strategy": "stratified", "limit": 3}, "seed"),
        ({"strategy": "best"}, "strategy"),
        ({"strategy": "latest", "limit": 0}, "limit"),
        ({"limit": 5}, "limit"),
        ({"name": "../x"}, "name"),
        ({"version": "${oc.env:HOME}"}, "version"),
        ({"filters": {"game": "${oc.env:HOME}"}}, "filters"),
        ({"filters": {"game": ["a", "${oc.env:HOME}"]}}, "filters"),
        ({"filters": {"${oc.env:HOME}": "a"}}, "filters"),
        ({"filters": {"a.b": "a"}}, "filters"),
        ({"filters": {"game": {"min": 1, "most": 2}}}, "filters"),
        ({"formats": []}, "formats"),
        ({"formats": ["csv"]}, "formats"),
        ({"template": "vicuna"}, "template"),
        ({"split": {"validation": 2, "test": 0, "group_by": []}}, "split"),
        ({"seed": True}, "seed"),
        ({"filters": {"game": "a\0b"}}, "filters"),
        ({"filters": {"game": ["\ud800"]}}, "filters"),
        ({"filters": {"game": "a\x85b"}}, "filters"),
        ({"filters": {"x": [9e15] * 12_500}}, "filters"),
        ({"stratify": {"by": ["game"], "quotas": {"1e3": 5}}}, "stratify"),
        ({"stratify": {"by": ["game"], "quotas": {"": 5}}}, "stratify"),
        ({"stratify": {"by": ["game"], "quotas": {"Müller": 5}}}, "stratify"),
        ({"shell": "rm"}, "shell"),
    ],
)
def test_what_is_wrong_is_said_of_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        BuildRequest.model_validate({"name": "a", "version": "1", **changes})
    assert field in {error["loc"][0] for error in refused.value.errors()}
