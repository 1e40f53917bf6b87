"""The page below a path of a host: in a real browser, through a real nginx."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.serving.servers import nginx_command
from tests.service.page_support import browser, fill, go_home, job, opened, press_build
from tests.service.proxy_support import KEPT, REMOVED, behind_nginx
from tests.service.running import TOKEN, Service, running
from tests.support import nginx
from tests.support.browser import BROWSER, MISSING

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(BROWSER is None, reason=MISSING),
    pytest.mark.skipif(nginx_command() is None, reason=nginx.MISSING),
]
__all__ = ["browser"]  # a fixture
Site = tuple[str, dict[str, Service]]
BASES = pytest.mark.parametrize("base", [REMOVED, KEPT])


@pytest.fixture(scope="module")
def site(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The address of an nginx, and the service behind each path."""
    work = tmp_path_factory.mktemp("page-prefix")
    options = {REMOVED: (), KEPT: ("--root-path", KEPT)}
    with ExitStack() as stack:
        services = {}
        for number, (base, more) in enumerate(options.items()):
            folder = Path(shutil.copytree(built, work / str(number) / "project", symlinks=True))
            services[base] = stack.enter_context(running(folder, *more))
            services[base].wait_until_looked()
        yield stack.enter_context(behind_nginx(work / "nginx", services[REMOVED], services[KEPT])), services
        for service in services.values():
            assert "Traceback" not in service.log.read_text()


@BASES
def test_a_dataset_is_built_watched_downloaded_and_reported(
    site: Site, browser: Browser, base: str, tmp_path: Path
) -> None:
    url, services = f"{site[0]}{base}", site[1]
    with opened(browser, url) as page:
        go_home(page, url)
        assert page.url == f"{url}/"
        fill(page, Name="below-a-path", Version="v1", Token=TOKEN)
        page.get_by_role("checkbox", name="high_card_duel").check()
        watch_stages(page)
        press_build(page)
        built = job(page, "below-a-path v1")
        expect(built.locator(".state")).to_have_text("Built")
        # The events came one by one, and not all at the end.
        assert len(page.evaluate("seen")) >= 4

        dataset_id = built.get_by_role("link").inner_text()
        with page.expect_download() as begun:
            page.get_by_role("link", name=f"Download {dataset_id}, tunix_sft, all splits").click()
        begun.value.save_as(tmp_path / "all.jsonl")
        direct = services[base].reader.get(f"/api/datasets/{dataset_id}/export.jsonl")
        assert (tmp_path / "all.jsonl").read_bytes() == direct.content

        built.get_by_role("link").click()
        expect(page.get_by_role("heading", name=dataset_id)).to_be_visible()
        page.get_by_text("Files, to check a download against").click()
        expect(page.get_by_role("table", name="Files by format")).to_be_visible()
        page.get_by_role("button", name="What differs").click()
        expect(page.get_by_role("heading", name="Why")).to_be_visible()
        page.go_back()
        page.get_by_role("link", name="Open the report").click()
        page.wait_for_url(f"{url}/datasets/{dataset_id}/report")
        assert dataset_id in page.inner_text("body")


def test_services_of_one_host_do_not_share_a_token(site: Site, browser: Browser) -> None:
    url, _ = site
    with opened(browser, url) as page:
        go_home(page, f"{url}{REMOVED}/")
        fill(page, Token=TOKEN)
        page.reload()
        expect(page.get_by_label("Token")).to_have_value(TOKEN)
        sent = []
        page.on("request", lambda request: sent.append(request.headers.get("authorization")))
        go_home(page, f"{url}{KEPT}/")
        expect(page.get_by_label("Token")).to_have_value("")
        assert sent
        assert set(sent) == {None}


def test_a_build_is_followed_again_after_the_proxy_could_not_reach_the_service(site: Site, browser: Browser) -> None:
    url, service = f"{site[0]}{REMOVED}", site[1][REMOVED]
    with opened(browser, url) as page:
        go_home(page, url)
        fill(page, Name="restarted", Version="v1", Token=TOKEN)
        answers = []
        page.on("response", lambda one: answers.append(one) if one.url.endswith("/events") else None)
        press_build(page)
        restarted = job(page, "restarted v1")
        expect(restarted.locator(".lines p").first).to_be_visible()
        service.process.kill()
        service.process.wait()
        with page.expect_response(lambda one: one.url.endswith("/events") and one.status == 502):
            pass
        with running(service.folder, port=int(service.url.rpartition(":")[2])):
            expect(restarted.locator(".state")).to_have_text("Built")
        assert answers[-1].status == 200
        # It went on after the last event that it had seen.
        assert "last-event-id" in answers[-1].request.headers


def watch_stages(page: Page) -> None:
    """Keep what the page shows of a build's progress in `seen`."""
    page.evaluate(
        """() => {
            window.seen = [];
            setInterval(() => {
                const stage = document.querySelector(".job .stage")?.textContent;
                if (stage && stage !== seen.at(-1)) seen.push(stage);
            }, 20);
        }"""
    )
