"""The pages, as somebody with a browser, a keyboard or a screen reader meets them."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from .conftest import Demo

BUTTON = "Continue with Patreon"


def assert_accessible(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def choose(page: Page, slug: str) -> None:
    page.get_by_role("button", name=BUTTON).first.click()
    page.locator(f'button[value="{slug}"]').click()


def test_the_dance_with_the_mouse(page: Page, demo: Demo, shoot: Any) -> None:
    page.goto(demo.site)
    assert_accessible(page)
    shoot("front")
    page.get_by_role("button", name=BUTTON).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Allow")
    assert_accessible(page)
    top = "button => button.getBoundingClientRect().top"
    tops = {page.locator(f'button[value="{each}"]').evaluate(top) for each in ("bronze", "gold")}
    assert len(tops) == 1  # beside each other
    shoot("consent")
    page.locator('button[value="gold"]').click()
    expect(page.get_by_text("Good evening, Alma.")).to_be_visible()
    assert_accessible(page)
    shoot("signed-in")
    page.get_by_role("link", name="See your Patreon connection").click()
    expect(page.get_by_text("Alma Reyes").first).to_be_visible()
    assert_accessible(page)
    shoot("account")


def test_the_dance_with_the_keyboard(page: Page, demo: Demo) -> None:
    page.goto(demo.site)
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip() == BUTTON:
            break
    page.keyboard.press("Enter")
    page.locator('button[value="bronze"]').focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Good evening, Bruno.")).to_be_visible()


@pytest.mark.parametrize("answer", ["Decline", "Go back without a word"])
def test_declining_ends_on_a_page_with_another_try(
    page: Page, demo: Demo, shoot: Any, answer: str
) -> None:
    page.goto(demo.site)
    page.get_by_role("button", name=BUTTON).click()
    page.get_by_role("button", name=answer, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not signed in")
    assert_accessible(page)
    shoot("declined")
    page.get_by_role("button", name="Try again with Patreon").click()
    page.locator('button[value="silver"]').click()
    expect(page.get_by_text("Good evening, Silvia.")).to_be_visible()


def test_the_last_way_in_stays_until_there_is_a_password(
    page: Page, demo: Demo, shoot: Any
) -> None:
    page.goto(demo.site)
    choose(page, "custom")
    page.goto(f"{demo.site}/patreon/account/")
    expect(page.get_by_text("Patreon is the only way you have to sign in")).to_be_visible()
    expect(page.get_by_role("button", name="Disconnect Patreon")).to_have_count(0)
    assert_accessible(page)
    shoot("last-way-in")
    page.get_by_role("link", name="Set a password").click()
    assert_accessible(page)
    page.locator('input[name="new_password1"]').fill("a lamp in the window")
    page.locator('input[name="new_password2"]').fill("a lamp in the window")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Disconnect Patreon").click()
    expect(page.get_by_text("Patreon is no longer connected")).to_be_visible()


def test_somebody_with_a_password_can_connect_patreon(page: Page, demo: Demo, shoot: Any) -> None:
    page.goto(f"{demo.site}/register/")
    assert_accessible(page)
    page.locator('input[name="username"]').fill("keeper")
    page.locator('input[name="password1"]').fill("a lamp in the window")
    page.locator('input[name="password2"]').fill("a lamp in the window")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("Patreon is not connected")).to_be_visible()
    assert_accessible(page)
    shoot("not-connected")
    page.get_by_role("button", name="Connect Patreon").click()
    page.locator('button[value="foreign-only"]').click()
    expect(page.get_by_role("button", name="Disconnect Patreon")).to_be_visible()
    shoot("connected")


def test_the_login_page(page: Page, demo: Demo, shoot: Any) -> None:
    page.goto(f"{demo.site}/login/")
    assert_accessible(page)
    shoot("login")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_telephone(page: Page, demo: Demo, shoot: Any, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(demo.site)
    assert_accessible(page)
    shoot(f"phone-{scheme}")
    page.get_by_role("button", name=BUTTON).click()
    assert_accessible(page)
    shoot(f"phone-{scheme}-consent")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360


def test_the_admin_shows_who_is_connected(page: Page, demo: Demo, shoot: Any) -> None:
    for slug in ("gold", "bronze", "emoji"):
        page.goto(demo.site)
        choose(page, slug)
        page.get_by_role("button", name="Sign out").click()
    page.goto(f"{demo.site}/admin/django_patreon/patreonaccount/")
    page.locator('input[name="username"]').fill("admin")
    page.locator('input[name="password"]').fill("admin")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("link", name="Alma Reyes")).to_be_visible()
    shoot("admin-list")
    page.get_by_role("link", name="Alma Reyes").click()
    expect(page.get_by_text("identity[email]")).to_be_visible()
    shoot("admin-account")
    look = (
        "each => ['color', 'backgroundColor', 'fontSize'].map(name => getComputedStyle(each)[name])"
    )
    button = page.get_by_role("button", name="Renew tokens now").evaluate(look)
    assert button == page.get_by_role("link", name="History").evaluate(look)
    page.goto(f"{demo.site}/admin/django_patreon/membership/")
    expect(page.get_by_role("link", name="Alma Reyes")).to_be_visible()
    assert page.locator(".results").evaluate("box => box.scrollWidth <= box.clientWidth")
    shoot("admin-memberships")


def test_a_locked_page_says_what_it_takes(page: Page, demo: Demo, shoot: Any) -> None:
    page.goto(demo.site)
    choose(page, "cancelled")
    page.get_by_role("link", name="The Second Staircase").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The Second Staircase")
    expect(page.get_by_text("The last line is for Gold.")).to_be_visible()
    assert_accessible(page)
    page.goto(demo.site)
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{demo.site}/stories/staircase/")
    choose(page, "pending")
    expect(page.get_by_text("This is for a higher tier than yours.")).to_be_visible()
    expect(page.get_by_role("link", name="Join Silver on Patreon")).to_be_visible()
    assert_accessible(page)
    shoot("locked")
    page.get_by_role("button", name="check again").click()
    expect(page.get_by_text("Nothing is new.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_whoever_joins_from_the_locked_page_comes_in(
    page: Page, demo: Demo, shoot: Any, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    slug = {"light": "free", "dark": "stranger"}[scheme]
    page.goto(f"{demo.site}/stories/staircase/")
    choose(page, slug)
    page.get_by_role("link", name="Join Silver on Patreon").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Join Lanternhouse?")
    expect(page.get_by_text("5.00 EUR a month")).to_be_visible()
    expect(page.locator(f'button[value="{slug}"]')).to_be_focused()
    assert_accessible(page)
    shoot(f"checkout-{scheme}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Done")
    assert_accessible(page)
    shoot(f"checkout-done-{scheme}")
    page.go_back()
    page.go_back()
    page.get_by_role("button", name="check again").click()
    expect(page.get_by_text("Your membership is up to date.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("The Second Staircase")


def test_staff_see_that_they_look_as_somebody_else(page: Page, demo: Demo) -> None:
    page.goto(demo.site)
    choose(page, "gifted")  # what Silver is worth is known since somebody came
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{demo.site}/login/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("admin")
    page.get_by_role("button", name="Sign in").click()
    page.goto(demo.site)
    page.get_by_role("button", name="Silver").click()
    expect(page.get_by_text("You are looking at the site as a patron of")).to_be_visible()
    expect(page.get_by_text("It is open to you.")).to_be_visible()
    page.get_by_role("button", name="Bronze").click()
    expect(page.get_by_text("For Silver and up.")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("It is open to you.")).to_be_visible()


def test_the_front_page_leads_everywhere(page: Page, demo: Demo) -> None:
    page.goto(demo.site)
    for link in page.locator(".cards article h2").all():
        expect(link.get_by_role("link")).to_have_count(1)
    page.get_by_role("link", name="Salt and Tallow").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Salt and Tallow")
    assert_accessible(page)
    page.goto(demo.site)
    page.get_by_role("link", name="control room").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Control room")
