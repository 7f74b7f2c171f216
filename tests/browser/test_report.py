"""The report as a browser shows it: `make test-browser`."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.llm_validation.reporting.builders import diagnosis, group, rows
from tests.llm_validation.reporting.conftest import ATTACKS, hostile_rows, page_of
from verigap.llm_validation.reporting.assumptions import Assumption
from verigap.llm_validation.reporting.content import diagnosis_content

pytestmark = pytest.mark.browser

PHONE, DESKTOP = (390, 844), (1280, 900)
# A sandbox of its own needs rights that a container has not; no calls home while a test listens.
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = importlib.import_module("playwright.sync_api")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(
            executable_path=os.environ["VERIGAP_CHROMIUM"], args=list(FLAGS)
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of two usual groups, and one of traces that attack their reader."""
    folder = tmp_path_factory.mktemp("pages")
    fails = Assumption(
        "unit", "fails", "Lengths are in words.", "Import with the model's tokenizer."
    )
    two = [group(rows(model=name, text="1 + 1 = 2"), assumptions=(fails,)) for name in ("a", "b")]
    found = {
        "usual": diagnosis(*two),
        "hostile": diagnosis(group(hostile_rows()), source=ATTACKS[1]),
    }
    for name, each in found.items():
        text = page_of(diagnosis_content(each, include_text=True))
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in found}


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("name", ["usual", "hostile"])
def test_a_page(browser: Any, pages: dict[str, Path], name: str, size: tuple[int, int]) -> None:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    address = pages[name].as_uri()
    page.goto(address, wait_until="networkidle")

    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [address]
    assert page.title().startswith("How to select, what to train: ")
    assert page.locator("script, iframe, object, embed, form").count() == 0
    # Every figure was drawn, and nothing is wider than the screen.
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 100)")
    assert page.locator("figure").count() == 10 * page.locator("section").count()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    wide = page.evaluate(
        """[...document.querySelectorAll("body *")]
           .filter(e => !e.closest(".scroll") && e.getBoundingClientRect().right > innerWidth + 1)
           .map(e => e.tagName)"""
    )
    assert wide == []
    # Body text of the size that browsers are set to, and no line across a whole desktop.
    assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 16
    assert page.evaluate("document.querySelector('.box p').clientWidth") <= 800
    # The decision is on the first screen, and on a wide one both are.
    assert page.locator(".box.select strong").first.bounding_box()["y"] < size[1]
    if size == DESKTOP:
        assert page.locator(".box.train strong").first.bounding_box()["y"] < size[1]
    page.close()


def test_the_policy_of_the_page_stops_what_escaping_might_miss(
    browser: Any, pages: dict[str, Path], tmp_path: Path
) -> None:
    """With the attacks put in raw, as if nothing had been escaped."""
    raw = tmp_path / "raw.html"
    text = pages["usual"].read_text(encoding="utf-8")
    raw.write_text(text.replace("<header>", "<header>" + "".join(ATTACKS[:3])), encoding="utf-8")
    page = browser.new_page()
    asked: list[str] = []
    page.on("requestfinished", lambda request: asked.append(request.url))
    page.goto(raw.as_uri(), wait_until="networkidle")
    assert page.title().startswith("How to select, what to train: ")
    assert [url for url in asked if not url.startswith("data:")] == [raw.as_uri()]
    page.close()
