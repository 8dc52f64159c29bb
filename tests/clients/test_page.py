"""The page for people in a browser: without scripts, on a telephone and on a desk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from client_kit.served import PROJECT, Served

SHOTS = PROJECT / "build" / "client-tests"
SIZES = {"narrow": (360, 780), "wide": (1280, 900)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "there is no Chromium: `apt-get install chromium`"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, browser: Browser, subject: Served) -> Iterator[Page]:
    width, height = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, java_script_enabled=False)
    opened = context.new_page()
    opened.goto(f"{subject.nginx.url}about/warpwright/")
    SHOTS.mkdir(parents=True, exist_ok=True)
    opened.screenshot(path=SHOTS / f"about-{request.param}.png", full_page=True)
    yield opened
    context.close()


def test_the_page_fits_the_window(page: Page) -> None:
    wide, shown = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= shown


def test_every_offer_has_its_facts_and_a_line_that_installs_it(page: Page, subject: Served) -> None:
    labels = {wheel.label or "universal" for manifest in subject.catalogue.manifests for wheel in manifest.wheels}
    for label in labels:
        offer = page.locator(f"article[id='{label}']")
        assert offer.is_visible()
        assert "or newer" in offer.inner_text()
        assert "uv pip install warpwright==" in offer.inner_text()


def test_a_click_on_a_line_selects_the_whole_line(page: Page) -> None:
    line = page.locator("article pre code").first
    line.click()
    assert page.evaluate("getSelection().toString().trim()") == line.inner_text().strip()


def test_an_owner_of_a_gpu_finds_the_wheels_that_fit(page: Page) -> None:
    rows = {row.locator("td").first.inner_text(): row.locator("td a") for row in page.locator("#gpus tbody tr").all()}
    fitting = {sm: set(links.all_inner_texts()) for sm, links in rows.items()}
    assert "cu130" in fitting["8.6"]
    assert "cu130.sm90a" not in fitting["8.6"]
    assert fitting["9.0"] >= fitting["8.6"]
    assert fitting["12.0"] == set()
    rows["8.6"].first.click()
    assert page.url.endswith(f"#{rows['8.6'].first.inner_text()}")
