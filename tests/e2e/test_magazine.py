"""The example site's magazine: each page in any light and width, and without JavaScript."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import Demo
from .test_pages import assert_accessible, choose

PAGES = {
    "front": "/",
    "magazine": "/magazine/",
    "article": "/magazine/night-shift/",
    "locked": "/stories/staircase/",
    "account": "/patreon/account/",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_each_page_can_be_read_and_asks_nobody_else(
    page: Page, demo: Demo, shoot: Any, width: int, scheme: Any
) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text))
    page.on("request", lambda request: asked.add(request.url.split("/")[2]))
    asked: set[str] = set()
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(demo.site)
    choose(page, "bronze")
    for name, path in PAGES.items():
        page.goto(demo.site + path)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        shoot(f"site-{name}-{width}-{scheme}")
    assert asked == {each.removeprefix("http://") for each in (demo.site, demo.sandbox)}
    # A browser reports the status of a locked page by itself.
    assert [each for each in faults if "403 (Forbidden)" not in each] == []


def test_everything_works_without_javascript(browser: Browser, demo: Demo) -> None:
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(demo.site)
        choose(page, "gold")
        page.get_by_role("link", name="Magazine").click()
        page.get_by_role("button", name="Make my address").click()
        expect(page.get_by_role("link", name="/podcast/")).to_be_visible()
        page.get_by_role("link", name="The night shift").click()
        expect(page.get_by_text("Nobody does.")).to_be_visible()
        page.get_by_label("The language of Patreon's pages here").select_option("de")
        page.get_by_role("button", name="Change").click()
        page.get_by_role("link", name="Account").click()
        expect(page.locator("html")).to_have_attribute("lang", "de")
        page.get_by_role("button", name="Sign out").click()
        page.goto(f"{demo.site}/magazine/night-shift/")
        expect(page.get_by_text("Nobody does.")).to_have_count(0)
    finally:
        context.close()
