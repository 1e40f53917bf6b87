"""The page in a real browser: it runs nothing, loads nothing, fits a narrow window, and can be read on both grounds."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from commands.reporting.page import make_page
from tests.commands.reporting.pages import build_wide
from tests.support.browser import BROWSER, MISSING, Tab, browser_tab
from tests.support.screenshot import PICTURES, take
from tests.support.shell import lay_out

pytestmark = pytest.mark.skipif(BROWSER is None, reason=MISSING)

SCRIPT = (Path(__file__).parent / "looks.js").read_text()  # defines faint() and clashes()


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with browser_tab() as tab:
        yield tab


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 700, 400])
def test_the_page_is_quiet_fits_and_can_be_read(hostile: Path, tab: Tab, width: int, dark: bool) -> None:
    page = hostile / "page.html"
    tab.open(page, width, dark=dark)
    assert tab.ask("document.querySelectorAll('details').forEach((e) => e.open = true)") is None
    assert tab.requests == [page.as_uri()]
    assert tab.ask("[document.documentElement.scrollWidth, innerWidth]") == [width, width]
    assert tab.ask("typeof window.ran") == "undefined"
    assert tab.ask(f"{SCRIPT}; faint()") == []
    assert tab.ask(f"{SCRIPT}; clashes()") == []
    ground = tab.ask("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(21, 25, 28)" if dark else "rgb(253, 253, 251)")
    assert tab.ask("[...document.querySelectorAll('svg.wide, svg.narrow')].map((e) => e.checkVisibility())") == [
        width >= 860,
        width < 860,
    ]
    assert tab.console == []


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a dataset whose names are wide."""
    folder = tmp_path_factory.mktemp("wide")
    lay_out(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACES_WORKERS", "1")
        patch.setenv("TRACES_DATABASE_URL", "")
        build_wide(folder)
        with chdir(folder):
            (folder / "page.html").write_text(make_page(None))
    return folder / "page.html"


@pytest.mark.parametrize("width", [1200, 400])
def test_wide_names_neither_widen_the_page_nor_run_over_numbers(wide: Path, tab: Tab, width: int) -> None:
    tab.open(wide, width)
    tab.ask("document.querySelectorAll('details').forEach((e) => e.open = true)")
    sizes = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    assert tab.ask(sizes) == [width, width]
    # What no table of widths knows, a letter as wide as a word, is cut off by the drawing.
    clashes = [said for said in tab.ask(f"{SCRIPT}; clashes()") if "\ufdfd" not in said]
    assert clashes == []
    boxes = "[...document.querySelectorAll('h1, h3, h3 *, tbody .group, p')]"
    assert tab.ask(f"{boxes}.filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth).length") == 0


def test_the_pictures_in_the_readme_are_taken_at_both_widths(hostile: Path, tmp_path: Path) -> None:
    take(hostile / "page.html", tmp_path)
    for name, (width, height, _) in PICTURES.items():
        # A PNG's first chunk says its size.
        assert struct.unpack(">II", (tmp_path / name).read_bytes()[16:24]) == (width, height)


def test_the_browser_tells_of_what_a_page_must_not_do(tab: Tab, tmp_path: Path) -> None:
    page = tmp_path / "loud.html"
    page.write_text(
        '<!doctype html><img src="x.png"><script>console.log("said"); undefined.x</script><p style="width: 900px">x'
    )
    tab.open(page, 400)
    assert len(tab.requests) == 2
    assert len(tab.console) >= 2
    assert tab.ask("document.documentElement.scrollWidth") > 400
