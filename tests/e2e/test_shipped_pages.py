"""Our own pages as a site has them that brings no templates: legible, in any light and width."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Page, expect

from django_patreon.sandbox import Sandbox

from .test_pages import BUTTON, assert_accessible

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(live_server: Any, settings: Any) -> Iterator[str]:
    with Sandbox().serve() as patreon:
        settings.PATREON = {"BASE_URL": patreon.url, "RATE_LIMIT": None, "CAMPAIGN_ID": "4410027"}
        yield live_server.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_each_page_can_be_read(page: Page, site: str, shoot: Any, width: int, scheme: Any) -> None:
    def look(name: str) -> None:
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") == "640px"
        shoot(f"shipped-{name}-{width}-{scheme}")

    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site}/complete/patreon/?error=access_denied")
    look("not-signed-in")
    page.goto(site)
    page.get_by_role("button", name=BUTTON).click()
    page.locator('button[value="cancelled"]').click()
    expect(page.get_by_text("signed in as")).to_be_visible()
    page.goto(f"{site}/patreon/account/")
    expect(page.get_by_text("You have cancelled")).to_be_visible()
    look("account")
    page.goto(f"{site}/gates/decorator/gold/")
    expect(page.get_by_role("link", name="Join Gold on Patreon")).to_be_visible()
    look("locked")
    page.get_by_role("button", name="check again").click()
    expect(page.get_by_role("status")).to_be_visible()
    look("told")


@pytest.mark.parametrize("body", ["<body>", ""])
def test_staff_see_the_banner_on_a_page_with_a_strict_policy(
    page: Page, site: str, settings: Any, shoot: Any, body: str
) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    get_user_model().objects.create_superuser("admin", password="admin")
    text = "<p>A long page.</p>" * 100
    settings.PAGE = (
        f"<!doctype html><html lang=en><title>x</title>{body}<main><h1>x</h1>{text}</main>"
    )
    page.goto(f"{site}/admin/")
    page.locator('input[name="username"]').fill("admin")
    page.locator('input[name="password"]').fill("admin")
    page.get_by_role("button", name="Log in").click()
    page.goto(f"{site}/gates/page/")
    page.evaluate(
        """() => {
          const form = document.createElement("form");
          form.method = "post"; form.action = "/patreon/view-as/";
          const token = document.cookie.match(/csrftoken=(\\w+)/)[1];
          form.innerHTML =
            `<input name="tier" value=""><input name="csrfmiddlewaretoken" value="${token}">` +
            '<input name="next" value="/gates/given-page/">';
          document.body.append(form); form.submit();
        }"""
    )
    banner = page.locator(".patreon-view-as")
    expect(banner).to_have_css("background-color", "rgb(138, 43, 6)")
    for end in ("0", "document.body.scrollHeight"):
        page.evaluate(f"window.scrollTo(0, {end})")
        expect(banner).to_be_in_viewport()
    assert_accessible(page)
    shoot(f"banner-{'with' if body else 'without'}-body")
    assert not [each for each in said if "Content Security Policy" in each]
    page.get_by_role("button", name="Stop").click()
    expect(banner).to_have_count(0)
