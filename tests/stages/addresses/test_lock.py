"""dvc.lock held against the workspace: our hashes are DVC's, and every difference is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.addresses.lock import hash_path, hash_quoted, load_lock, lock_faults, locked_params, outputs
from stages.yaml_file import read_yaml
from tests.support.shell import ROOT
from traces.errors import TracesError


def test_hashes_are_those_that_dvc_computed(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(built)
    entries = load_lock(("extract_traces", "select", "render", "export", "manifest", "card", "validate"))
    items = [item for entry in entries.values() for kind in ("deps", "outs") for item in entry[kind]]
    assert len(items) > 100
    assert any(item["md5"].endswith(".dir") for item in items)
    for item in items:
        found = hash_path(item["path"])
        assert found is not None
        wanted = {key: item[key] for key in ("md5", "size", "nfiles") if key in item}
        assert found.entry() == wanted, item["path"]


@pytest.fixture
def small(workspace: Path) -> dict[str, Any]:
    """One stage's entry, true of the workspace."""
    Path("data/in").write_text("in")
    Path("data/out/sub").mkdir(parents=True)
    Path("data/out/sub/b").write_text("b")
    Path("data/out/a").write_text("a")
    deps, outs = ([{"path": path, **found.entry()}] for path in ("data/in", "data/out") if (found := hash_path(path)))
    params = {"params.yaml": {"selection": read_yaml(Path("params.yaml"))["selection"], "split.test": 0.1}}
    return {"stage": {"deps": deps, "outs": outs, "params": params}}


def faults(entries: dict[str, Any]) -> list[str]:
    return lock_faults(entries, read_yaml(Path("params.yaml")), hash_quoted(entries))


def test_what_agrees_has_no_fault(small: dict[str, Any]) -> None:
    assert faults(small) == []
    assert [artefact.path for artefact in outputs(small)] == ["data/out"]
    assert locked_params(small)["split.test"] == 0.1


def test_python_s_own_cache_is_no_part_of_a_folder(small: dict[str, Any]) -> None:
    Path("data/out/__pycache__").mkdir()
    Path("data/out/__pycache__/x.pyc").write_text("x")
    assert faults(small) == []


@pytest.mark.parametrize("path", ["data/in", "data/out/a", "data/out/sub/b"])
def test_changed_bytes_are_found(small: dict[str, Any], path: str) -> None:
    Path(path).write_text("changed")
    (found,) = faults(small)
    assert "its md5 is" in found
    assert found.endswith("for stage stage; `dvc repro` makes it right")


def test_a_renamed_and_a_missing_file_are_found(small: dict[str, Any]) -> None:
    Path("data/out/a").rename("data/out/c")
    Path("data/in").unlink()
    missing, renamed = sorted(faults(small))
    assert missing.startswith("data/in: missing, dvc.lock has it for stage stage")
    assert renamed.startswith("data/out: its md5 is")


def test_a_changed_param_is_found(small: dict[str, Any]) -> None:
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("test: 0.1", "test: 0.2"))
    assert faults(small) == [
        "dvc.lock: stage stage ran with split.test 0.1, params.yaml says 0.2; `dvc repro` makes it right"
    ]


def test_a_missing_lock_or_entry_says_to_run_repro(workspace: Path) -> None:
    with pytest.raises(TracesError, match="dvc.lock: no entry for stage select; run `dvc repro`"):
        load_lock(("select",))
    Path("dvc.lock").write_text((ROOT / "dvc.lock").read_text().replace("  select:", "  selekt:"))
    with pytest.raises(TracesError, match="dvc.lock: no entry for stage select"):
        load_lock(("select",))
