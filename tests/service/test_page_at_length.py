"""The service's page in a real browser, at length: every view, the keyboard, and what it must not do."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from service.jobs.request import BuildRequest
from stages.params.models import Selection
from stages.params.values import FormatName, TemplateName
from tests.service.page_support import (
    BASICS,
    HOSTILE,
    browser,
    errors,
    fill,
    go_home,
    job,
    opened,
    press_build,
    service,
)
from tests.service.running import TOKEN, Service, running
from tests.support.browser import BROWSER, MISSING
from tests.support.shell import ROOT, run

pytestmark = [pytest.mark.soak, pytest.mark.skipif(BROWSER is None, reason=MISSING)]
__all__ = ["browser", "service"]  # fixtures

LOOKS = (ROOT / "tests/commands/reporting/looks.js").read_text()  # defines faint()


def test_quotas_and_a_split_are_asked_for_in_the_form(service: Service, browser: Browser) -> None:
    with opened(browser, service.url) as page:
        go_home(page, service.url)
        expect(page.get_by_label("Quotas")).to_be_hidden()
        page.get_by_label("Strategy").select_option("stratified")
        shares = {"Validation share": "0.25", "Test share": "0", "Keep together by": "game, seed"}
        fill(page, Name="by-quota", Version="v1", Seed="1", Quotas="high_card_duel=30, spades_mini = 40", Token=TOKEN)
        fill(page, **{"Strata by": "game"}, **shares)
        press_build(page)
        built = job(page, "by-quota v1")
        expect(built.locator(".state")).to_have_text("Built")
        manifest = service.get(f"/api/datasets/{built.get_by_role('link').inner_text()}")
        assert manifest["selection"]["stratify"] == {
            "by": ["game"],
            "quotas": {"high_card_duel": 30, "spades_mini": 40},
        }
        assert manifest["split"] == {"validation": 0.25, "test": 0, "group_by": ["game", "seed"]}
        assert manifest["counts"]["selected"] == 70


def test_a_build_goes_on_over_a_reload_and_can_be_cancelled(service: Service, browser: Browser) -> None:
    with opened(browser, service.url) as page:
        go_home(page, service.url)
        fill(page, Name="cancelled", Version="v1", Token=TOKEN)
        press_build(page)
        expect(
            job(page, "cancelled v1").get_by_text("Making a copy").or_(page.locator(".lines p").first)
        ).to_be_visible()
        page.reload()
        stopped = job(page, "cancelled v1")
        expect(stopped.get_by_role("progressbar")).to_be_visible()
        stopped.get_by_role("button", name="Cancel").click()
        expect(stopped.locator(".state")).to_have_text("Cancelled")
        expect(stopped.get_by_role("progressbar")).to_be_hidden()
        expect(stopped.get_by_role("button", name="Cancel")).to_be_hidden()


def test_a_build_that_fails_says_why(service: Service, browser: Browser) -> None:
    with opened(browser, service.url) as page:
        go_home(page, service.url)
        fill(page, Name="nothing", Version="v1", Source="nowhere", Token=TOKEN)
        press_build(page)
        failed = job(page, "nothing v1")
        expect(failed.locator(".state")).to_have_text("Failed")
        assert failed.locator(".stage").inner_text().startswith("select: ")


def test_a_missing_or_wrong_token_is_said_at_its_field(service: Service, browser: Browser) -> None:
    with opened(browser, service.url) as page:
        go_home(page, service.url)
        for token, said in (
            ("", "A bearer token is needed: the service's TRACES_SERVE_TOKEN."),
            ("wrong", "This is not the service's TRACES_SERVE_TOKEN."),
        ):
            fill(page, Name="unasked", Version="v1", Token=token)
            press_build(page)
            expect(page.locator("[aria-invalid=true]")).to_have_count(1)
            assert errors(page) == {"Token": said}
            assert page.evaluate("document.activeElement.name") == "token"
        assert page.evaluate("[{...localStorage}, {...sessionStorage}, document.cookie]") == [
            {},
            {"traces-token /": "wrong"},
            "",
        ]
        assert job(page, "unasked v1").count() == 0


def test_two_datasets_are_compared(service: Service, browser: Browser) -> None:
    other = service.build(name="compared", filters={"game": "spades_mini"})
    with opened(browser, service.url) as page:
        go_home(page, service.url)
        page.get_by_label("Compare", exact=True).select_option(service.base)
        page.get_by_label("with", exact=True).select_option(other)
        page.get_by_role("button", name="What differs").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"{service.base} → {other}")
        expect(page.locator(".totals")).to_be_visible()
        # The same as the command says.
        commits = {one["dataset_id"]: one["commit"] for one in service.get("/api/datasets")["datasets"]}
        said = json.loads(run(service.folder, "traces", "diff", commits[service.base], commits[other], "--json").out)
        assert service.get(f"/api/datasets/{service.base}/diff/{other}") == said
        shown = page.locator(".totals dd").all_inner_texts()
        assert shown == [f"{said['totals'][kind]:,}" for kind in ("added", "removed", "changed", "same")]
        assert said["totals"]["removed"] > 0
        assert page.locator(".reasons li").all_inner_texts() == said["reasons"]
        assert page.locator("tbody tr").count() == sum(
            1 for group in said["groups"] if group["added"] + group["removed"] + group["changed"]
        )
        page.get_by_role("link", name="The other way round").click()
        expect(page.locator(".totals dd").first).to_have_text(f"{said['totals']['removed']:,}")
        page.goto(f"{service.url}/#/diff/{other}/{other}")
        expect(page.get_by_text("Every record is the same")).to_be_visible()


def test_the_report_is_the_one_of_the_command(service: Service, browser: Browser) -> None:
    with opened(browser, service.url) as page:
        page.goto(f"{service.url}/#/dataset/{service.base}")
        page.get_by_role("link", name="Open the report").click()
        page.wait_for_url("**/report")
        assert page.locator("h1").inner_text() == service.base
        # Its own style applies under the policy that it is served with.
        assert page.evaluate("getComputedStyle(document.body).maxWidth") == "1120px"
        run(service.folder, "traces", "report", "--output", "../report.html")
        assert page.request.get(page.url).text() == (service.folder.parent / "report.html").read_text()
        assert run(service.folder, "git", "status", "--short").out == ""


def test_it_is_all_done_by_the_keyboard(service: Service, browser: Browser) -> None:
    with opened(browser, service.url) as page:

        def tab_to(label: str) -> None:
            for _ in range(80):
                page.keyboard.press("Tab")
                name = page.evaluate(
                    "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
                )
                if re.match(re.escape(label), name):
                    # It is seen where the focus is.
                    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
                    return
            raise AssertionError(f"Tab never came to {label}")

        go_home(page, service.url)
        tab_to("To the content")
        page.keyboard.press("Enter")
        tab_to("Name")
        page.keyboard.type("by-keyboard")
        tab_to("Version")
        page.keyboard.type("v1")
        tab_to("spades_mini")
        page.keyboard.press("Space")
        tab_to("Token")
        page.keyboard.type(TOKEN)
        page.keyboard.press("Enter")
        expect(job(page, "by-keyboard v1").locator(".state")).to_have_text("Built")
        tab_to("by-keyboard-v1-")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_be_focused()
        assert page.title().startswith("by-keyboard-v1-")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [400, 800, 1600])
def test_every_view_fits_and_can_be_read(service: Service, browser: Browser, width: int, dark: bool) -> None:
    other = service.build(name="fits", filters={"game": "spades_mini"})
    with opened(browser, service.url, width, dark=dark) as page:
        for view, there in (
            ("", f"text={other}"),
            (f"#/dataset/{other}", "text=What it was made of"),
            (f"#/diff/{service.base}/{other}", ".totals"),
            ("#/dataset/none", "[role=alert]"),
        ):
            page.goto(f"{service.url}/{view}")
            page.locator(there).first.wait_for(state="attached")
            if not view:
                page.get_by_role("button", name="Add a filter").click()
                press_build(page)
                page.locator("[aria-invalid=true]").first.wait_for()
            page.evaluate("document.querySelectorAll('details').forEach((e) => e.open = true)")
            if "dataset/f" in view:
                page.get_by_text("Files by format").first.wait_for()
            expect(page.locator("main[aria-busy]")).to_have_count(0)
            assert page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [width, width], view
            assert page.evaluate(f"{LOOKS}; faint()") == [], view
            assert page.evaluate(f"{BASICS}; amiss()") == [], view


def test_hostile_names_stay_text(service: Service, browser: Browser) -> None:
    other = service.build(name="hostile", filters={"game": HOSTILE})
    with opened(browser, service.url) as page:
        go_home(page, service.url)
        expect(page.get_by_role("checkbox", name=HOSTILE)).to_be_visible()
        expect(job(page, "hostile v1").locator(".facts")).to_contain_text(f"game {HOSTILE}")
        for view, count in ((f"dataset/{other}", 1), (f"diff/{service.base}/{other}", 2)):
            page.goto(f"{service.url}/#/{view}")
            expect(page.get_by_text(HOSTILE).nth(count - 1)).to_be_visible()
            assert page.locator("img").count() == 0
        # Also where it is in the address, and in what the service says of it.
        page.goto(f"{service.url}/#/dataset/{quote(HOSTILE, safe='')}")
        expect(page.get_by_role("alert")).to_contain_text("The service has nothing at that address.")
        page.goto(f"{service.url}/#/diff/{quote(HOSTILE.replace('/', ''))}/x")
        expect(page.get_by_role("alert")).to_contain_text("There is no such dataset")
        page.route("**/api/datasets", lambda route: route.fulfill(status=409, json={"detail": HOSTILE}))
        page.goto(f"{service.url}/#/")
        expect(page.get_by_role("alert")).to_contain_text(HOSTILE)
        assert page.locator("img").count() == 0


def test_empty_states_say_what_to_do(service: Service, browser: Browser) -> None:
    with opened(browser, service.url) as page:
        nothing = service.get("/api/status") | {
            "store": {"available": False, "error": "no such table: traces"},
            "pin": {"state": "unknown"},
            "remotes": [],
            "writes": False,
        }
        page.route("**/api/status", lambda route: route.fulfill(json=nothing))
        page.route("**/api/datasets", lambda route: route.fulfill(json={"datasets": []}))
        page.route("**/api/jobs", lambda route: route.fulfill(json={"jobs": []}))
        go_home(page, service.url)
        expect(page.get_by_text("Nothing was built here yet")).to_be_visible()
        said = page.inner_text("main")
        assert "There is no dataset yet. Build one with the form here, or run make repro" in said
        assert "Nothing was built here yet. Name a dataset, and press Build." in said
        assert "Not Readable\nno such table: traces" in said
        assert "None\ndvc remote add names one" in said
        assert "This service only shows datasets. Started with a secret in TRACES_SERVE_TOKEN it builds them" in said
        assert page.get_by_role("button", name="Build", exact=True).count() == 0
        nothing |= {"writes": True, "store": {"available": True, "kind": "postgresql", "rows": 0, "games": {}}}
        page.reload()
        expect(page.get_by_label("Game", exact=True)).to_be_visible()
        assert "PostgreSQL\nFill it: traces ingest or traces record" in page.inner_text("main")


def test_what_was_typed_before_the_store_was_known_stays(service: Service, browser: Browser) -> None:
    with opened(browser, service.url) as page:
        known = service.get("/api/status")
        told = [known | {"as_of": -1}]
        page.route("**/api/status", lambda route: route.fulfill(json=told[0]))
        go_home(page, service.url)
        expect(page.get_by_text("Looking…").first).to_be_visible()
        fill(page, Name="early")
        page.evaluate("document.activeElement.blur()")
        told[0] = known
        expect(page.get_by_text("Looking…")).to_have_count(0)
        assert page.get_by_label("Name", exact=True).input_value() == "early"


def test_a_service_that_went_away_is_told_of(service: Service, browser: Browser) -> None:
    with opened(browser, service.url) as page:
        go_home(page, service.url)
        page.route("**/api/**", lambda route: route.abort())
        fill(page, Name="unheard", Version="v1", Token=TOKEN)
        press_build(page)
        expect(page.get_by_role("alert")).to_contain_text("The service does not answer. Is it still running?")
        page.goto(f"{service.url}/#/dataset/{service.base}")
        expect(page.get_by_role("heading", level=1)).to_have_text("That did not work")
        page.unroute("**/api/**")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(service.base)


def test_where_reads_need_the_token_the_page_asks_for_it_first(service: Service, browser: Browser) -> None:
    run(service.folder.parent, "git", "clone", "-q", "project", "guarded")
    folder = service.folder.parent / "guarded"
    (folder / ".dvc/config.local").write_text(f"[cache]\n    dir = {service.folder}/.dvc/cache\n")
    with (
        running(folder, "--require-token") as guarded,
        opened(browser, guarded.url) as page,
    ):
        page.goto(guarded.url)
        expect(page.get_by_role("heading", level=1)).to_have_text("A token is needed")
        assert service.base not in page.content()
        fill(page, Token="wrong-and-long-enough")
        page.get_by_role("button", name="Go on").click()
        expect(page.locator("[aria-invalid=true]")).to_be_visible()
        fill(page, Token=TOKEN)
        page.keyboard.press("Enter")
        # A link cannot send the token: what it leads to comes as a file.
        with page.expect_download() as begun:
            page.get_by_role("link", name=f"Download {service.base}, tunix_sft, all splits").click()
        assert begun.value.suggested_filename == f"{service.base}-tunix_sft.jsonl"
        assert (
            begun.value.path().stat().st_size
            == service.get(f"/api/datasets/{service.base}")["exports"]["tunix_sft"]["size"]
        )
        page.get_by_role("link", name=service.base, exact=True).click()
        with page.expect_download() as begun:
            page.get_by_role("link", name="the manifest").click()
        assert json.loads(begun.value.path().read_bytes()) == service.get(f"/api/datasets/{service.base}")
        with page.expect_download() as begun:
            page.get_by_role("link", name="Open the report").click()
        assert f"<title>{service.base}</title>" in begun.value.path().read_text()


def test_the_form_offers_what_the_params_know(service: Service, browser: Browser) -> None:
    with opened(browser, service.url) as page:
        go_home(page, service.url)
        values = "all => all.map((e) => e.value)"
        formats = page.get_by_role("group", name="Formats").locator("input").evaluate_all(values)
        assert sorted(formats) == sorted(get_args(FormatName))
        offered = page.get_by_label("Template").locator("option").evaluate_all(values)
        assert offered == ["", *get_args(TemplateName)]
        offered = page.get_by_label("Strategy").locator("option").evaluate_all(values)
        for model in (Selection, BuildRequest):
            assert tuple(offered) == get_args(model.model_fields["strategy"].annotation)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("win", "win"),
        ("7", 7),
        ("-0.5", -0.5),
        ("007", "007"),
        ('"7"', "7"),
        ("true", True),
        ("win, tie", ["win", "tie"]),
        ('"a, b", 3', ["a, b", 3]),
        ("10..20", {"min": 10, "max": 20}),
        ("..20", {"max": 20}),
        ("2026-01-01..", {"min": "2026-01-01"}),
        ("9007199254740993", "9007199254740993"),
        ("9007199254740993.0", "9007199254740993.0"),
        ("1e999", "1e999"),
        ("1e3", 1000),
    ],
)
def test_what_is_typed_as_a_filter_is_read_as_meant(service: Service, browser: Browser, typed: str, meant: Any) -> None:
    with opened(browser, service.url) as page:
        page.goto(service.url)
        read = page.evaluate("async (text) => (await import('/page/typed.js')).value(text)", typed)
        assert read == meant
        assert type(read) is type(meant)


def test_the_pictures_in_the_docs_are_small_and_taken_at_both_widths(
    service: Service, browser: Browser, tmp_path: Path
) -> None:
    from tests.support.service_screenshot import take

    take(browser, service.url, tmp_path)
    for folder in (tmp_path, ROOT / "docs"):
        pictures = [folder / "service.png", folder / "service-narrow.png"]
        # A PNG's first chunk says its size.
        assert [struct.unpack(">I", picture.read_bytes()[16:20])[0] for picture in pictures] == [1200, 400]
        assert sum(picture.stat().st_size for picture in pictures) < 250_000


def test_what_the_page_is_made_of_is_served_and_nothing_else(service: Service, browser: Browser) -> None:
    with opened(browser, service.url) as page:
        parts: list[str] = []
        page.on("request", lambda request: parts.append(request.url.removeprefix(service.url)))
        go_home(page, service.url)
        served = {part.removeprefix("/page/") for part in parts if part.startswith("/page/")} | {"index.html"}
        assert served == {path.name for path in (ROOT / "service/page").iterdir()}
        for path in ("/page/none.js", "/page/..%2fapp.py", "/page/"):
            assert page.request.get(f"{service.url}{path}").status == 404
