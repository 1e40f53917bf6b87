"""smoke_train: the shipped sample trains, and what is in the way of that is said."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import pytest

from stages import smoke_train, validate
from stages.params.reading import load_params
from stages.paths import SMOKE_LOSS, SMOKE_TRAIN, VALIDATION
from tests.stages.lockfile import build, set_params
from tests.support.samples import row
from traces.errors import TracesError


@pytest.fixture
def gated(workspace: Path) -> Path:
    build(row(n) for n in range(60))
    validate.work(load_params())
    return workspace


def test_its_report_says_what_was_trained_and_checked_and_nothing_of_time(built: Path) -> None:
    found = json.loads((built / SMOKE_TRAIN).read_text())
    checked = found.pop("checked")
    assert len(checked) == len(set(checked)) == 9
    first, last = found.pop("first_eval_loss"), found.pop("last_eval_loss")
    assert last < 0.8 * first
    assert found == {
        "model": "gemma3",
        "mode": "full",
        "samples": 32,
        "steps": 10,
        "vocabulary": 512,
        "tokens": 256,
        "max_tokens": 512,
        "records_cut": 0,
        "characters_left_out": 0,
    }
    curve = (built / SMOKE_LOSS).read_text().splitlines()
    assert curve[0] == "step,loss"
    assert [line.partition(",")[0] for line in curve[1:]] == [str(step) for step in range(1, 11)]


def test_without_its_format_or_past_a_failed_gate_it_does_not_run(gated: Path) -> None:
    VALIDATION.write_text(VALIDATION.read_text().replace('"valid": true', '"valid": false'))
    with pytest.raises(TracesError, match=r"reports/validation.json: the gate found faults; mend them first"):
        smoke_train.work(load_params())
    with pytest.raises(
        TracesError, match=r"export.formats has no tunix_sft to train on; add it, or `dvc repro validate`"
    ):
        smoke_train.work(set_params(export={"formats": ["trace"]}))
    assert not SMOKE_TRAIN.exists()


def test_without_the_training_packages_it_says_how_to_install_them(
    gated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jax" else real(name))
    with pytest.raises(
        TracesError, match=r"^jax: not installed; `pip install --require-hashes -r requirements-training"
    ):
        smoke_train.work(load_params())


def test_it_runs_on_the_cpu_and_keeps_what_it_compiled_with_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "JAX_PLATFORMS",
        "XLA_FLAGS",
        "JAX_COMPILATION_CACHE_DIR",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS",
    ):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("DVC_ROOT", "/somewhere")
    smoke_train.prepare_jax()
    assert os.environ["JAX_PLATFORMS"] == "cpu"
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "/somewhere/.cache/jax"
