"""The pictures of the page in the README, taken of reports/dataset.html by a real browser; `make screenshot`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.browser import BROWSER, MISSING, browser_tab
from tests.support.shell import ROOT

PAGE = ROOT / "reports/dataset.html"
# Each picture with the window's width and height, and whether it is on dark ground.
PICTURES = {"report.png": (1200, 1240, False), "report-narrow.png": (400, 1130, True)}


def take(page: Path, folder: Path) -> None:
    """Write the pictures of a page into a folder."""
    with browser_tab() as tab:
        for name, (width, height, dark) in PICTURES.items():
            tab.open(page, width, height, dark=dark)
            (folder / name).write_bytes(tab.screenshot())


if __name__ == "__main__":
    if BROWSER is None:
        sys.exit(f"screenshot: {MISSING}")
    take(PAGE, ROOT / "docs")
