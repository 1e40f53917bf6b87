"""The pictures of the service's page in docs/, of a real service with two builds behind it; `make screenshot`."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from tests.service.page_support import opened, started
from tests.service.running import running
from tests.support.browser import BROWSER, MISSING
from tests.support.shell import ROOT, copy_repository, run

WIDE, NARROW = "service.png", "service-narrow.png"
COLOURS = 256  # that a picture is kept in: a third of the bytes
BUILDS = (
    {"name": "duels", "version": "v1", "filters": {"game": "high_card_duel"}, "formats": ["tunix_sft", "tunix_grpo"]},
    {"name": "wins", "version": "v2", "filters": {"result": "win"}, "strategy": "random", "limit": 500, "seed": 7},
)


def take(browser: Browser, url: str, folder: Path) -> None:
    """Write the pictures of a service's first view into a folder: all of it, and a narrow window's worth of its end."""
    with opened(browser, url) as page:
        page.goto(url)
        page.locator(".job, .builds .empty").first.wait_for()
        _write(folder / WIDE, page.screenshot(full_page=True))
    with opened(browser, url, 400, dark=True) as page:
        page.set_viewport_size({"width": 400, "height": 1130})
        page.goto(url)
        page.locator(".job, .builds .empty").first.wait_for()
        page.locator("#builds").evaluate("(e) => e.scrollIntoView()")
        _write(folder / NARROW, page.screenshot())


def _write(path: Path, picture: bytes) -> None:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Build in a copy of the repository: the one that somebody works in gets no experiments from this."""
    with tempfile.TemporaryDirectory(prefix="screenshot.") as scratch:
        folder = copy_repository(Path(scratch) / "project")
        run(folder, "dvc", "repro", "-q", "validate")
        with running(folder) as service, started() as browser:
            service.wait_until_looked()
            for request in BUILDS:
                service.build(**request)
            take(browser, service.url, ROOT / "docs")


if __name__ == "__main__":
    if BROWSER is None:
        sys.exit(f"screenshot: {MISSING}")
    main()
