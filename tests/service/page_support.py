"""A repository with hostile traces in its dataset, a real service in it, and a browser that asks nobody else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from tests.support.browser import BROWSER
from tests.support.samples import row, write_jsonl
from tests.support.shell import commit, copy_repository, environment, replace, run

TOKEN = "a-token-of-the-page-tests-0123456789"
HOSTILE = '<img src="/x" onerror="window.ran=1">'
PATIENCE_S = 120


@dataclass(frozen=True)
class Service:
    """A running service: `base` is the dataset of its repository's branch."""

    folder: Path
    url: str
    base: str

    def get(self, path: str) -> Any:
        answer = httpx.get(f"{self.url}{path}", timeout=PATIENCE_S)
        answer.raise_for_status()
        return answer.json()

    def build(self, **request: Any) -> str:
        """Build a dataset, and return its id."""
        asked = {"version": "v1", "formats": ["tunix_sft"], **request}
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = httpx.post(f"{self.url}/api/datasets/build?wait=true", json=asked, headers=headers, timeout=PATIENCE_S)
        assert answer.is_success, answer.text
        return str(answer.json()["dataset_id"])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all tests of a module: each builds datasets by names of its own."""
    folder = copy_repository(tmp_path_factory.mktemp("page") / "project")
    named = [row(n, meta={"source": HOSTILE, "game": HOSTILE, "seed": n, "episode_index": n}) for n in range(200)]
    write_jsonl(folder / "data/recorded/hostile.jsonl.gz", named)
    run(folder, "traces", "pin")
    replace(folder / "params.yaml", "source: ungar", "source: null")
    run(folder, "dvc", "repro", "-q", "validate")
    commit(folder, "hostile traces")
    with running(folder, TRACES_SERVE_TOKEN=TOKEN) as url:
        datasets = httpx.get(f"{url}/api/datasets").json()["datasets"]
        yield Service(folder, url, datasets[0]["dataset_id"])


@contextmanager
def running(folder: Path, *options: str, **settings: str) -> Iterator[str]:
    """A service in a repository, by its address. It ends by its process id."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    url, log = f"http://127.0.0.1:{port}", folder.parent / f"service-{port}.log"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            [sys.executable, "-m", "service", "--port", str(port), *options],
            cwd=folder, env=environment(**settings), stdout=said, stderr=said,
        ) as process,
    ):  # fmt: skip
        try:
            until = time.monotonic() + PATIENCE_S
            while not _looked(url, settings):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.2)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def _looked(url: str, settings: dict[str, str]) -> bool:
    headers = {"Authorization": f"Bearer {settings.get('TRACES_SERVE_TOKEN', '')}"}
    try:
        answer = httpx.get(f"{url}/api/status", headers=headers, timeout=10)
    except httpx.TransportError:
        return False
    return answer.status_code == 200 and answer.json()["as_of"] >= 0


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
        if route.request.url.startswith(f"{url}/"):
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
