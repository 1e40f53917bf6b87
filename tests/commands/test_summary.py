"""`traces summary`: the dataset in a few lines."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.support import Command
from tests.support.shell import ROOT


def test_every_count_is_said(traces: Command) -> None:
    manifest = json.loads((ROOT / "data/manifest.json").read_text())
    manifest["counts"] |= {"read": 5000, "quarantined": 7, "rejected": 3}
    manifest["exports"] = {"trace": manifest["exports"]["trace"]}
    manifest["exports"]["trace"]["records"] = {"train": 1234, "validation": 0, "test": 1}
    Path("data/manifest.json").write_text(json.dumps(manifest))
    assert traces("summary") == 0
    assert "dataset     card-games-v1-" in traces.out
    assert "read        5,000 traces" in traces.out
    assert "7 quarantined, 0 filtered, 0 excluded, 3 rejected, 0 deduplicated, 0 over limit" in traces.out
    assert "trace       train 1,234, test 1: data/export/trace/" in traces.out
    assert traces("summary", "--json") == 0
    assert json.loads(traces.out) == manifest
