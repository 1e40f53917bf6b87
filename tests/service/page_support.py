"""A repository with hostile traces in its dataset, a real service in it, and a browser that asks nobody else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from tests.service.running import Service, running
from tests.support.browser import BROWSER
from tests.support.samples import row, write_jsonl
from tests.support.shell import commit, copy_repository, forget_code, replace, run

HOSTILE = '<img src="/x" onerror="window.ran=1">'
PATIENCE_S = 120
BASICS = (Path(__file__).parent / "basics.js").read_text()  # defines amiss()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all tests of a module: each builds datasets by names of its own."""
    folder = copy_repository(tmp_path_factory.mktemp("page") / "project")
    named = [row(n, meta={"source": HOSTILE, "game": HOSTILE, "seed": n, "episode_index": n}) for n in range(200)]
    write_jsonl(folder / "data/recorded/hostile.jsonl.gz", named)
    forget_code(folder)
    run(folder, "traces", "pin")
    replace(folder / "params.yaml", "source: ungar", "source: null")
    run(folder, "dvc", "repro", "-q", "validate")
    commit(folder, "hostile traces")
    with running(folder) as found:
        found.wait_until_looked()
        yield found
        assert "Traceback" not in found.log.read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@contextmanager
def started() -> Iterator[Browser]:
    """A browser without a window."""
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_S * 1000)
        found = playwright.chromium.launch(executable_path=BROWSER, args=options)
        yield found
        found.close()


@dataclass
class Watch:
    """What a page did that it must not: addresses elsewhere, faults of its scripts, what its policy stopped."""

    strays: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@contextmanager
def opened(browser: Browser, url: str, width: int = 1200, *, dark: bool = False) -> Iterator[Page]:
    """A page of the service alone: another address is blocked, and is a fault, like any of its scripts'."""
    watch = Watch()

    def judge(route: Route) -> None:
        if route.request.url == url or route.request.url.startswith(f"{url}/"):
            route.continue_()
        else:
            watch.strays.append(route.request.url)
            route.abort()

    scheme: Any = "dark" if dark else "light"
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True)
    context.set_default_timeout(PATIENCE_S * 1000)
    context.route("**/*", judge)
    page = context.new_page()
    page.on("pageerror", lambda error: watch.faults.append(str(error)))
    # The browser itself notes each refused request; all else that is said is a fault.
    page.on(
        "console",
        lambda message: None if "Failed to load resource" in message.text else watch.faults.append(message.text),
    )
    try:
        yield page
        assert page.evaluate("typeof window.ran") == "undefined"
    finally:
        context.close()
    assert watch == Watch(), watch


def job(page: Page, name: str) -> Any:
    """The card of a build."""
    return page.get_by_role("article", name=name)


def go_home(page: Page, url: str) -> None:
    """Open the first view."""
    page.goto(url)
    expect(page.get_by_role("heading", name="Builds")).to_be_visible()


def fill(page: Page, **fields: str) -> None:
    """Type into fields, by their labels."""
    for label, text in fields.items():
        page.get_by_label(label, exact=True).fill(text)


def press_build(page: Page) -> None:
    """Press the form's button."""
    page.get_by_role("button", name="Build", exact=True).click()


def errors(page: Page) -> dict[str, str]:
    """What is said at fields: each that is invalid by its label, with the text that describes it."""
    return dict(
        page.locator("[aria-invalid=true]").evaluate_all(
            """all => all.map((e) => [e.labels[0].textContent, e.getAttribute("aria-describedby").split(" ")
                .map((id) => document.getElementById(id)).find((held) => held.className == "error").innerText])"""
        )
    )
