"""docs/BASELINE.md says what a run of the suite was, and measures what tests start, wherever that runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.baseline.page import Measured, page_of
from tests.support.baseline.results import read_results
from tests.support.shell import ROOT, run

TESTS = {
    "tests/traces/test_thing.py": """
import shutil, subprocess, sys
import pytest
from traces.thing import sign

def test_in_this_process():
    assert sign(1) == "+"

def test_in_a_copy_and_a_process_of_its_own(tmp_path):
    shutil.copytree("traces", tmp_path / "project/traces")
    subprocess.run([sys.executable, "-m", "traces.thing"], cwd=tmp_path / "project", check=True)
""",
    "tests/test_docs.py": """
import pytest

@pytest.mark.skip(reason="no network | here")
def test_docs():
    pass
""",
    "traces/__init__.py": "",
    "traces/thing.py": """
def sign(x):
    if x < 0:
        return "-"
    return "+"

if __name__ == "__main__":
    sign(-1)
""",
    "pytest.ini": "[pytest]\naddopts = --import-mode=importlib\n",
}


@pytest.mark.soak
def test_the_page_counts_tests_by_kind_and_lines_and_branches_of_every_process(tmp_path: Path) -> None:
    for name, text in TESTS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    measuring = ("--cov", f"--cov-config={ROOT / 'pyproject.toml'}", "--cov-report=json:coverage.json")
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=results.xml", *measuring)
    run(tmp_path, *command, COVERAGE_FILE=str(tmp_path / "data"))
    manifest = json.loads((ROOT / "data/manifest.json").read_text())
    coverage = json.loads((tmp_path / "coverage.json").read_text())
    page = page_of(
        Measured("0123456789abcdef", False, [], read_results(tmp_path / "results.xml"), 7, coverage, manifest)
    )
    assert "found at commit `0123456789ab`.\n" in page
    assert "| docs | 0 | 1 |\n| unit | 2 | 0 |\n| all | 2 | 1 |" in page
    assert "| no network \\| here | 1 |" in page
    assert "The soak tests, 7 of them" in page
    assert "| traces | 6 | 100.0% | 4 | 100.0% |" in page
    assert f"| id | `{manifest['dataset_id']}` |" in page
    assert f"| selected | {manifest['counts']['selected']:,} |" in page
