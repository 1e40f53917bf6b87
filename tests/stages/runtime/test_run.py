"""How a stage ends: quietly, or with one line."""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from stages.params.models import Params
from stages.runtime.run import run_stage
from traces.errors import TracesError


class IOException(Exception):
    """As DuckDB's, which has no number."""


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TracesError("file, line 7: two\nlines"), "render: file, line 7: two\\nlines"),
        (BrokenProcessPool("gone"), "render: a worker was killed, most likely for memory; set TRACES_WORKERS=1"),
        (OSError(28, "No space left on device", "data/x"), "render: data/x: no space left on this disk; free some"),
        (OSError(30, "Read-only file system", f"data/.x.{'0' * 32}.tmp/x/part"), "render: data: the disk is read-only"),
        (IOException("IO Error: No space left on device"), "render: /"),
        (RuntimeError("disk is full"), "render: unexpected RuntimeError: disk is full"),
        (OSError(5, "Input/output error", "data/x"), "render: data/x: Input/output error"),
        (RuntimeError("two\nlines"), "render: unexpected RuntimeError: two\\nlines (TRACES_DEBUG=1 shows where"),
        (KeyboardInterrupt(), "render: interrupted; nothing half-written was left"),
    ],
)
def test_a_fault_is_one_line(workspace: Path, error: BaseException, says: str) -> None:
    def work(_: Params) -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        run_stage("render", work)
    assert isinstance(ended.value.code, str)  # Python prints it on stderr and exits with 1
    assert ended.value.code.startswith(says)
    assert "\n" not in ended.value.code


def test_params_are_checked_before_any_work(workspace: Path) -> None:
    Path("params.yaml").write_text("dataset: 1")
    worked: list[Params] = []
    with pytest.raises(SystemExit, match="render: params.yaml: "):
        run_stage("render", worked.append)
    assert worked == []


def test_a_stage_that_did_its_work_returns(workspace: Path) -> None:
    worked: list[Params] = []
    run_stage("render", worked.append)
    assert len(worked) == 1


def test_an_unforeseen_error_shows_where_when_asked_to(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(_: Params) -> None:
        raise RuntimeError("odd")

    monkeypatch.setenv("TRACES_DEBUG", "1")
    with pytest.raises(RuntimeError, match="odd"):
        run_stage("render", work)
