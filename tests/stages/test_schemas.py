"""The fast validator and the reference one agree on every schema of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from stages.schemas import fast_validator, load_schema, schema_versions, unique_by
from traces.errors import TracesError

NAMES = list(schema_versions())
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "x", "train", "2026-01-31T12:00:00+00:00", "2026-01-31", "a" * 32, "tunix_sft", "1.0"]),
    st.just("6f1d1c9a-54d5-5a0e-9d0b-0f2f6c2b7c11"),
    st.just([]),
    st.just(["x"]),
    st.just({}),
    st.just({"created_at": "2026-01-31T12:00:00+00:00", "trace_version": "1.0", "format": "tunix_sft", "big": 2**70}),
)


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_one(name: str) -> None:
    schema = load_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:trace-datasets:{name.replace('/', '-').replace('_', '-')}:{schema_versions()[name]}"


@pytest.mark.parametrize("name", ["export/trace", "export/tunix_sft"])
@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data())
def test_both_validators_agree_on_records(name: str, data: st.DataObject) -> None:
    schema = load_schema(name)
    record: dict[str, Any] = data.draw(
        st.fixed_dictionaries({}, optional=dict.fromkeys(schema["properties"], VALUES) | {"more": VALUES})
    )
    reference = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert fast_validator(schema).is_valid(record) == reference.is_valid(record)


def test_unique_by_looks_at_one_key() -> None:
    validator = fast_validator({"uniqueBy": "i"})
    for instance, unique in (
        ([{"i": 1}, {"i": 2}], True),
        ([{"i": 1}, {"i": 1}], False),
        ([{"i": 1}, {"i": 1.0}], False),
        ([{"i": "1"}, {"i": 1}, {}, 1, {"i": [1]}, {"i": [1]}], True),
        ("text", True),
    ):
        assert unique_by("i", instance) is unique
        assert validator.is_valid(instance) is unique
    with pytest.raises(jsonschema_rs.ValidationError, match="two items have the same i"):
        validator.validate([{"i": 1}, {"i": 1}])


def test_a_missing_or_broken_schema_is_named(workspace: Path) -> None:
    with pytest.raises(TracesError, match=r"schemas/csv.schema.json: .*; `git checkout"):
        load_schema("csv")
    Path("schemas/trace.schema.json").write_text("{")
    with pytest.raises(TracesError, match=r"schemas/trace.schema.json: Expecting .*; `git checkout"):
        load_schema("trace")
