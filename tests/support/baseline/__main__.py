"""Measure a run of the suite and write the page: `make baseline`, or `python -m tests.support.baseline [TESTS...]`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

from tests.support.baseline.page import Measured, page_of
from tests.support.baseline.results import read_results
from tests.support.shell import ROOT
from traces.files import write_text

PAGE = ROOT / "docs/BASELINE.md"
SCRATCH = ROOT / ".cache/baseline"
RESULTS, COVERED = SCRATCH / "results.xml", SCRATCH / "coverage.json"


def main(tests: list[str]) -> None:
    """Measure these tests, all but the soak tests where none are named."""
    commit = _said("git", "rev-parse", "HEAD").strip()
    changed = bool(_said("git", "status", "--porcelain"))
    soak = _said(sys.executable, "-m", "pytest", "-m", "soak", "--collect-only", "-q").splitlines()
    _run(tests)
    measured = Measured(
        commit,
        changed,
        tests,
        read_results(RESULTS),
        sum("::" in line for line in soak),
        json.loads(COVERED.read_bytes()),
        json.loads((ROOT / "data/manifest.json").read_bytes()),
    )
    write_text(PAGE, page_of(measured))
    print(f"{PAGE.relative_to(ROOT)} written")


def _run(tests: list[str]) -> None:
    """Run pytest. What a test starts is measured, too, wherever it runs: the settings are in pyproject.toml."""
    shutil.rmtree(SCRATCH, ignore_errors=True)
    SCRATCH.mkdir(parents=True)
    command = [
        *(sys.executable, "-m", "pytest", "-m", "not soak", "-n", os.environ.get("TEST_WORKERS", "2")),
        *("--dist", "worksteal", "--junitxml", str(RESULTS), "--cov", "--cov-report", f"json:{COVERED}", *tests),
    ]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"COVERAGE_FILE": str(SCRATCH / "data")}, check=False)
    if done.returncode:
        sys.exit(f"baseline: pytest ended with {done.returncode}, so {PAGE.relative_to(ROOT)} is as it was")


def _said(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main(sys.argv[1:])
