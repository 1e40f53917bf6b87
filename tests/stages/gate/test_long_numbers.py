"""The gate names the traces whose metadata has a number that a float does not keep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stages import validate
from stages.params.reading import load_params
from stages.paths import VALIDATION
from tests.stages.lockfile import rebuild, set_params
from tests.support.samples import payload, stored, trace_id, write_sqlite
from traces.store import DATABASE_URL


def test_traces_with_numbers_that_floats_do_not_keep_are_named(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exact = ("0.30000000000000004", "1e-12", "5e-324", "18446744073709551616", "1e400", "1.50", "-0.0", "0.1")
    rounded = ("0.1000000000000000055", "123456789012345678.5", "1e-400", "0.12345678901234567890", f"[{'9' * 310}.5]")
    numbers = (*exact, *rounded)
    texts = [json.dumps(payload(n, meta={"x": "@"})).replace('"@"', number) for n, number in enumerate(numbers)]
    url = write_sqlite(workspace / "numbers.db", [(*stored(n)[:3], text) for n, text in enumerate(texts)])
    monkeypatch.setenv(DATABASE_URL, url)
    set_params(
        filters={"source": None}, split={"group_by": []}, export={"formats": ["tunix_grpo", "tunix_sft", "trace"]}
    )
    for memo in ("off", "on", "on"):
        monkeypatch.setenv("TRACES_MEMO", memo)
        rebuild()
        validate.work(load_params())
        said = "has a number in metadata with more digits than a float keeps"
        ids = {trace_id(n) for n in range(len(exact), len(numbers))}
        assert set(json.loads(VALIDATION.read_text())["notes"]) == {f"id {name}: {said}" for name in ids}
        assert (
            f"validate: note: each of {len(ids)} traces {said}; json.loads(text, parse_float="
            in capsys.readouterr().err
        )
