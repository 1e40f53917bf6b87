"""What everybody does with the service's page, in a real browser, on a real service."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.service.page_support import BASICS, browser, errors, fill, go_home, job, opened, press_build, service
from tests.service.running import TOKEN, Service
from tests.support.browser import BROWSER, MISSING
from traces.ungar.install import INSTALL, ungar_version

pytestmark = pytest.mark.skipif(BROWSER is None, reason=MISSING)
__all__ = ["browser", "service"]  # fixtures


def test_the_panel_says_what_the_service_works_with(service: Service, browser: Browser) -> None:
    with opened(browser, service.url) as page:
        go_home(page, service.url)
        parts = dict(
            page.locator(".part").evaluate_all(
                "all => all.map((e) => [e.querySelector('dt').textContent, e.querySelector('dd').innerText])"
            )
        )
        assert [*parts] == ["Store", "Pin", "UNGAR", "Tunix", "Remote"]
        assert parts["Store"].split("\n") == ["SQLite", "2,538 traces"]
        assert parts["Pin"].startswith("Up to Date\nas of 2026-")
        if ungar_version() is None:
            assert parts["UNGAR"].split("\n") == ["Not Installed", "to record new games", INSTALL]
        else:
            assert parts["UNGAR"].split("\n") == ["Installed", ungar_version()]
        assert parts["Tunix"].startswith("Installed\n")
        assert parts["Remote"].startswith("No Default\ns3 (s3)")


def test_a_dataset_is_built_from_the_form_and_its_download_is_what_the_manifest_says(
    service: Service, browser: Browser, tmp_path: Path
) -> None:
    with opened(browser, service.url) as page:
        go_home(page, service.url)
        fill(page, Name="from-the-form", Version="v1", Token=TOKEN)
        page.get_by_role("checkbox", name="high_card_duel").check()
        page.get_by_role("button", name="Add a filter").click()
        fill(page, Key="result", Value="win")
        page.get_by_label("Strategy").select_option("random")
        fill(page, Limit="120", Seed="7")
        page.evaluate(
            """() => {
                window.seen = [];
                setInterval(() => {
                    const job = document.querySelector(".job:not([data-state=succeeded])");
                    const now = job && [job.querySelector("progress").value, job.querySelector(".stage").textContent];
                    if (now && JSON.stringify(now) !== JSON.stringify(seen.at(-1))) seen.push(now);
                }, 20);
            }"""
        )
        press_build(page)
        built = job(page, "from-the-form v1")
        expect(built.locator(".state")).to_have_text("Built")

        seen = page.evaluate("seen")
        shares = [share for share, _ in seen]
        assert shares == sorted(shares)
        assert len(set(shares)) >= 4
        stages = [said.partition(",")[0] for _, said in seen if "," in said]
        assert [*dict.fromkeys(stages)][-3:] == ["manifest", "card", "validate"]
        assert page.locator(".live").first.get_attribute("aria-live") == "polite"

        dataset_id = built.get_by_role("link").inner_text()
        manifest = service.get(f"/api/datasets/{dataset_id}")
        assert manifest["filters"] == {"source": None, "game": "high_card_duel", "result": "win"}
        assert (manifest["selection"]["limit"], manifest["selection"]["seed"]) == (120, 7)
        # The list has it without a reload, and its link gives all splits.
        link = page.get_by_role("link", name=f"Download {dataset_id}, tunix_sft, all splits")
        with page.expect_download() as begun:
            link.click()
        assert begun.value.suggested_filename == f"{dataset_id}-tunix_sft.jsonl"
        begun.value.save_as(tmp_path / "all.jsonl")
        data = (tmp_path / "all.jsonl").read_bytes()
        assert len(data.splitlines()) == 120
        assert (
            folder_md5(data, service.get(f"/api/datasets/{dataset_id}/files"), "tunix_sft")
            == (manifest["exports"]["tunix_sft"]["md5"])
        )
        assert manifest["exports"]["tunix_sft"]["md5"] in page.inner_text("main")


def folder_md5(data: bytes, files: Any, format_name: str) -> str:
    """The md5 of a folder as DVC has it, of files laid end to end: each is cut out and hashed."""
    listing = []
    for file in files["formats"][format_name]["files"]:
        piece, data = data[: file["size"]], data[file["size"] :]
        md5 = hashlib.md5(piece, usedforsecurity=False).hexdigest()
        assert md5 == file["md5"]
        listing.append({"md5": md5, "relpath": file["name"]})
    assert data == b""
    text = json.dumps(sorted(listing, key=lambda one: one["relpath"]), sort_keys=True)
    return f"{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}.dir"


def test_errors_are_said_at_their_fields_and_the_first_gets_the_focus(service: Service, browser: Browser) -> None:
    with opened(browser, service.url) as page:
        go_home(page, service.url)
        fill(page, Token=TOKEN, Version="a b", Limit="5", Seed="x")
        page.get_by_role("button", name="Add a filter").click()
        fill(page, Key="1 2", Value="7")
        press_build(page)
        expect(page.locator("[aria-invalid=true]")).to_have_count(5)
        said = errors(page)
        assert said["Name"] == "This is needed"
        assert said["Version"].startswith("Begin with a letter or a digit")
        assert said["Key"].startswith("A key is letters")
        assert said["Limit"].startswith("A limit needs strategy latest")
        assert said["Seed"] == "Is not a whole number"
        assert page.evaluate("document.activeElement.name") == "name"
        assert page.get_by_role("alert").inner_text() == "5 fields to mend; what is wrong is said there."
        # What is mended is no longer said, and what the service says of two fields together is at the one to change.
        fill(page, Name="mended", Version="v1", Limit="", Seed="", Key="result", Value="win")
        expect(page.locator("[aria-invalid=true]")).to_have_count(0)
        page.get_by_label("Strategy").select_option("quality")
        press_build(page)
        expect(page.locator("[aria-invalid=true]")).to_have_count(1)
        assert "strategy quality needs scores" in errors(page)["Strategy"]
        page.get_by_label("Strategy").select_option("stratified")
        fill(page, Limit="5", Seed="1")
        press_build(page)
        expect(page.locator("[aria-invalid=true]")).to_have_count(1)
        assert errors(page).keys() <= {"Strategy", "Strata by"}
        fill(page, Limit="", Quotas="war=some", **{"Strata by": "game", "Validation share": "2"})
        press_build(page)
        expect(page.locator("[aria-invalid=true]")).to_have_count(2)
        said = errors(page)
        assert said == {
            "Quotas": "Is not a whole number",
            "Validation share": "Input should be less than or equal to 1",
        }
        # What no key of Hydra's grammar can be is said where it was typed.
        fill(page, Quotas='"it\'s"=5', **{"Validation share": ""})
        press_build(page)
        expect(page.locator("[aria-invalid=true]")).to_have_count(1)
        assert errors(page)["Quotas"].startswith('Quotas with the key "it\'s" cannot be passed on')
        fill(page, Quotas="war=1, war=2")
        press_build(page)
        expect(page.get_by_label("Quotas")).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_text("War is given twice")).to_be_visible()
        assert page.evaluate(f"{BASICS}; amiss()") == []
