"""Lines on their way into a store: a trace, or a whole row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.samples import payload, row, trace_id
from traces.incoming import BadLine, parse_line


def line(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_a_bare_trace_gets_an_id_from_its_content_and_no_time() -> None:
    found = parse_line(line(payload(1)))
    assert found == parse_line(line(dict(reversed(payload(1).items()))))
    assert found.id != parse_line(line(payload(2))).id
    assert (found.created_us, found.trace_version) == (None, "1.0")


def test_a_whole_row_keeps_its_id_and_time() -> None:
    found = parse_line(line(row(1) | {"id": trace_id(1).upper().replace("-", "")}))
    assert (found.id, found.created_us) == (trace_id(1), 1_767_225_660_000_000)
    assert json.loads(found.line(found.created_us)) == row(1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"nonsense", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"\xff\xfe", "not a JSON object"),
        (line(payload(prompt="")), "$.prompt: expected str of length >= 1"),
        (line(row(1) | {"id": "seven"}), "id 'seven' is not a UUID"),
        (line(row(1) | {"id": 7}), "expected str"),
        (line(row(1) | {"created_at": "soon"}), "created_at 'soon' is not an ISO 8601 time"),
        (line(row(1) | {"trace_version": "2"}), "the row's trace_version is '2', its payload's '1.0'"),
        (line(row(1) | {"more": 1}), "unknown field more"),
        (line(row(1) | {"payload": None}), "expected object, got null"),
    ],
)
def test_a_line_that_is_neither_says_why(text: bytes, reason: str) -> None:
    with pytest.raises(BadLine) as refused:
        parse_line(text)
    assert reason.lower() in str(refused.value).lower()
