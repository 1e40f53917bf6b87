"""`python -m benchmarks --against REV` builds two commits in turns and compares what they took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bench import Bench
from benchmarks.measure import Measurement, server_process
from benchmarks.ours import set_param
from benchmarks.parts import against
from benchmarks.parts.against import THIS, Against
from commands.repository import git
from tests.support.shell import ROOT, run
from traces.errors import TracesError

NOTHING = Measurement(wall=0, cpu=0, server_cpu=0, peak=0, anonymous=0, written=0)


def took(*cpu: float) -> list[Measurement]:
    return [replace(NOTHING, cpu=seconds) for seconds in cpu]


def test_the_lowest_builds_are_compared() -> None:
    (table,) = against.tables(Against("HEAD~1", took(12, 10, 11), took(13, 12.5, 12)), ["export.parquet=true"])
    assert table.rows == [
        ["HEAD~1 export.parquet=true", "12.0", "10.0", "11.0", "10.0", ""],
        [THIS, "13.0", "12.5", "12.0", "12.0", "+20.0%"],
    ]


@pytest.mark.soak
def test_each_commit_is_built_from_a_fresh_clone(database: Callable[[str], str], tmp_path: Path) -> None:
    url = database("")
    bench = Bench(tmp_path, 300, url, server_process(url))
    found = against.run(bench, "HEAD", pairs=1, params={"export.formats": ["tunix_sft"]})
    (theirs,), (ours,) = found.theirs, found.ours
    assert 0 < theirs.cpu < 2 * ours.cpu
    assert 0 < ours.cpu < 3 * theirs.cpu
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]


def test_a_param_is_set_by_its_dotted_name() -> None:
    params: dict[str, Any] = {"export": {"formats": ["tunix_sft"]}}
    set_param(params, "export.parquet", True)
    set_param(params, "export.formats", ["tunix_grpo"])
    assert params == {"export": {"formats": ["tunix_grpo"], "parquet": True}}
    with pytest.raises(TracesError, match="no section 'exports'"):
        set_param(params, "exports.parquet", True)


def test_a_setting_without_a_value_is_refused() -> None:
    done = run(ROOT, "python", "-m", "benchmarks", "--against", "HEAD", "--set", "export.parquet", code=2)
    assert "is not NAME=VALUE" in done.err


def test_a_revision_is_looked_up_before_anything_is_measured() -> None:
    assert against.commit_of("HEAD") == git("rev-parse", "HEAD", folder=ROOT).strip()
    done = run(ROOT, "python", "-m", "benchmarks", "--against", "nosuch", code=2)
    assert "--against" in done.err
    assert "Needed a single revision" in done.err


@pytest.mark.parametrize("name", ["--output=x", "HEAD:README.md"])
def test_a_name_that_is_no_commit_is_refused(name: str) -> None:
    done = run(ROOT, "python", "-m", "benchmarks", "--against", name, code=2)
    assert "fatal:" in done.err
