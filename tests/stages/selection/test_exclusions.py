"""The takedown list."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.selection.exclusions import load_exclusions
from tests.support.samples import trace_id
from traces.errors import TracesError

HEADER = "trace,reason,date\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "exclusions.csv"
    path.write_text(text)
    return path


def test_traces_are_covered_by_id_in_any_form_and_by_content(tmp_path: Path) -> None:
    digest = "a" * 64
    listed = (trace_id(1), trace_id(2).replace("-", "").upper(), f"sha256:{digest}")
    text = HEADER + "".join(f'{trace},"asked, twice",2026-01-31\n' for trace in listed)
    found = load_exclusions(written(tmp_path, text))
    assert len(found) == 3
    assert found.covering(trace_id(1), "") == [trace_id(1)]
    assert found.covering(trace_id(2), digest) == [trace_id(2), f"sha256:{digest}"]
    assert found.covering(trace_id(3), digest) == [f"sha256:{digest}"]
    assert found.covering(trace_id(3), "b" * 64) == []
    assert found.without({trace_id(1)}) == sorted([trace_id(2), f"sha256:{digest}"])


def test_the_list_may_be_empty(tmp_path: Path) -> None:
    assert len(load_exclusions(written(tmp_path, HEADER))) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: expected the header trace,reason,date"),
        ("id,why,when\n", "line 1: expected the header"),
        (HEADER + "seven,asked,2026-01-31\n", "line 2: 'seven' is neither a trace id nor sha256: and 64 hex digits"),
        (HEADER + "sha256:abc,asked,2026-01-31\n", "line 2: 'sha256:abc' is neither"),
        (HEADER + f"{trace_id(1)},asked\n", "line 2: 2 fields, expected trace,reason,date"),
        (HEADER + f"{trace_id(1)}, ,2026-01-31\n", "line 2: no reason given for"),
        (HEADER + f"{trace_id(1)},asked,31.1.2026\n", "line 2: '31.1.2026' is not a date (2026-01-31)"),
        (HEADER + f"{trace_id(1)},asked,2026-01-31\nx,y,z\n", "line 3: "),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TracesError) as refused:
        load_exclusions(written(tmp_path, text))
    assert says in str(refused.value)


def test_a_missing_list_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(TracesError, match="no such file; `git checkout"):
        load_exclusions(tmp_path / "exclusions.csv")
