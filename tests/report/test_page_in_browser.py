"""The page of `albsim report` in a real browser: sliders, dark mode, a phone, no JavaScript, and axe-core's rules."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from sim.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

playwright = pytest.importorskip("playwright.sync_api", reason="needs albsim[browser]")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs albsim[browser]")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]

SCENARIO = Path(__file__).parents[2] / "scenarios" / "gree-10-pods.yaml"
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 375, "height": 812}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "r.html"
    arguments = ["report", str(SCENARIO), "--replications", "4", "--workers", "1", "-o", str(path)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sandboxed = [] if getattr(os, "geteuid", lambda: 1)() else ["--no-sandbox"]  # Chromium has no sandbox for root
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=sandboxed)
        yield browser
        browser.close()


def opened(browser: Browser, url: str, **settings: Any) -> Page:
    page = browser.new_context(**({"viewport": WIDE} | settings)).new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.on("request", lambda request: request.url.startswith((url, "data:")) or pytest.fail(request.url))
    page.goto(url)
    return page


def shown(page: Page) -> tuple[str, str | None]:
    """Return the sentence and the curve that the page shows."""
    return page.inner_text("#play-words"), page.get_attribute("#play-curve", "d")


def cell(page: Page, sleep: int, retries: int) -> tuple[str | None, str | None]:
    one = page.locator(f"td[data-sleep='{sleep}'][data-retries='{retries}']")
    return one.get_attribute("data-words"), one.get_attribute("data-curve")


def test_the_sliders_move_sentence_picture_and_table(browser: Browser, url: str) -> None:
    page = opened(browser, url)
    sleep, retries = (page.get_by_role("slider", name=name) for name in ("preStop sleep", "--aws-max-retries"))
    as_it_is = shown(page)
    assert "With a preStop sleep of 40 s and --aws-max-retries 10, " in as_it_is[0]
    assert sleep.get_attribute("aria-valuetext") == "40 s"
    sleep.press("Home")
    retries.press("ArrowLeft")
    assert shown(page) == cell(page, 0, 3) != as_it_is
    assert "With a preStop sleep of 0 s and --aws-max-retries 6, " in shown(page)[0]
    assert (sleep.get_attribute("aria-valuetext"), retries.get_attribute("aria-valuetext")) == ("0 s", "6")
    assert page.locator("td.chosen").count() == 1
    assert page.locator("td.chosen").get_attribute("data-words") == shown(page)[0]
    page.locator("td[data-sleep='5'][data-retries='1']").click()
    assert shown(page) == cell(page, 5, 1)
    assert (sleep.input_value(), retries.input_value()) == ("5", "1")


def test_without_javascript_the_page_is_whole(browser: Browser, url: str) -> None:
    page, running = opened(browser, url, java_script_enabled=False), opened(browser, url)
    assert shown(page) == shown(running)
    assert not page.locator("#play input:visible").count()
    assert page.locator("td[data-words]:visible").count() == 11 * 5
    assert page.inner_text("#story") == running.inner_text("#story")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing(browser: Browser, url: str, scheme: str, viewport: dict[str, int]) -> None:
    page = opened(browser, url, viewport=viewport, color_scheme=scheme)
    found = axe.Axe().run(page)
    assert found.response["violations"] == [], found.generate_report()


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_nothing_is_wider_than_the_screen(browser: Browser, url: str, viewport: dict[str, int]) -> None:
    page = opened(browser, url, viewport=viewport)
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")


def test_on_a_phone_chart_and_story_are_read_without_scrolling_sideways(browser: Browser, url: str) -> None:
    page, wide = opened(browser, url, viewport=PHONE), opened(browser, url)
    scrolled = """[...document.querySelectorAll("pre, .scroll, table")]
        .filter((element) => element.clientWidth && element.scrollWidth > element.clientWidth + 1)
        .map((element) => element.id || element.className)"""
    assert page.evaluate(scrolled) == []
    assert page.locator("pre:visible").evaluate_all("(all) => all.map((one) => one.id)") == ["flowing-story"]
    assert wide.locator("pre:visible").evaluate_all("(all) => all.map((one) => one.id)") == ["story"]
    wanted = wide.inner_text("#story").split("REQUESTS")[1].split()
    assert page.inner_text("#flowing-story").split("REQUESTS")[1].split() == wanted


def test_on_a_phone_texts_of_pictures_are_large_enough(browser: Browser, url: str) -> None:
    """Matplotlib's axes have texts of 10 pt, so a picture shown at its own size has them at 13 px."""
    page = opened(browser, url, viewport=PHONE)
    scales = page.evaluate("[...document.images].map((image) => image.clientWidth / image.naturalWidth)")
    assert min(scales) * 10 * 96 / 72 > 10
    assert page.evaluate("document.querySelector('#play text').getBoundingClientRect().height") > 10


def _box(element: Locator) -> dict[str, float]:
    """Return where an element is on the page."""
    box = element.bounding_box()
    assert box is not None
    return dict(box)


def test_a_wide_screen_has_the_contents_beside_the_text(browser: Browser, url: str) -> None:
    page = opened(browser, url)
    contents, text, pictures = (_box(page.locator(what)) for what in ("nav", "main", ".flow"))
    assert contents["x"] + contents["width"] <= text["x"]
    assert text["x"] + text["width"] > 1400
    right = max(_box(figure)["x"] for figure in page.locator(".flow figure").all())
    assert right > pictures["x"] + pictures["width"] / 2, "no empty half beside a narrow column"


def test_pictures_are_dark_in_dark_mode(browser: Browser, url: str) -> None:
    """A picture's corner, painted on a canvas, has the page's colour."""
    corner = """(image) => {
        const canvas = document.createElement("canvas");
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        return [...context.getImageData(1, 1, 1, 1).data].slice(0, 3);
    }"""
    for scheme, colour in (("light", [255, 255, 255]), ("dark", [0x15, 0x18, 0x1D])):
        page = opened(browser, url, color_scheme=scheme)
        for image in page.locator("img").all():
            assert image.evaluate(corner) == colour
