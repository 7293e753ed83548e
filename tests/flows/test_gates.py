"""Every form of gate before every person of the sandbox, over real HTTP; all forms agree."""

from __future__ import annotations

from typing import Any

import pytest

from django_patreon.models import Campaign, Membership, Tier
from tests.gates.models import Story
from tests.gates.urls import FORMS, ONLY, RULES, says_open

from .conftest import Browser, Patreon, visit_together

GATES = {"any", "gold", "silver", "cents", "given", "foreign"}
NOTHING: set[str] = set()
BRONZE = {"any"}
SILVER = {"any", "silver", "cents"}
GOLD = {"any", "gold", "silver", "cents"}

# Who may pass which rule, by hand. `given` asks for 40.00 in all, `foreign` for the other campaign.
EXPECTED = {
    "bronze": BRONZE,
    "silver": SILVER | {"given"},
    "gold": GOLD | {"given"},
    "gold-annual": GOLD | {"given"},
    "gifted": SILVER,
    "trial": SILVER,
    "free": NOTHING,
    "pending": BRONZE,
    "declined": SILVER | {"given"},
    "declined-out": NOTHING,
    "cancelled": SILVER | {"given"},
    "former": NOTHING,
    "stranger": NOTHING,
    "foreign-only": {"foreign"},
    "foreign-first": BRONZE | {"foreign"},
    "two-tiers": GOLD,
    "custom": SILVER,
    "blank": {"any"},
    "refunded": NOTHING,
    "creator": GATES - {"foreign"},
    "foreign-creator": {"foreign"},
    "unverified": BRONZE,
    "no-email": BRONZE,
    "emoji": BRONZE,
}


@pytest.fixture
def site(visitor: Browser, settings: Any) -> Browser:
    settings.PATREON = {**settings.PATREON, "CAMPAIGN_ID": "4410027"}
    settings.SOCIAL_AUTH_PATREON_SCOPE = ["identity.memberships"]
    return visitor


def opened(browser: Browser, form: str, rule: str) -> bool:
    answer = browser.get(f"/gates/{form}/{rule}/", allow_redirects=False)
    assert answer.status_code in (200, 302, 403), (form, rule, answer.status_code)
    # T25: open or locked, nobody else gets to see this answer.
    assert answer.headers["Cache-Control"] == "private, no-store", (form, rule)
    assert "Cookie" in answer.headers["Vary"], (form, rule)
    return says_open(answer.text)


def test_every_person_of_the_sandbox_is_here(patreon: Patreon) -> None:
    people = patreon.control("people", method="GET")["people"]
    assert {each["slug"] for each in people} == EXPECTED.keys()


@pytest.mark.parametrize("slug", EXPECTED)
def test_all_forms_of_gates_agree(site: Browser, patreon: Patreon, slug: str) -> None:
    """T4 to T10."""
    site.sign_in(slug)
    asked = [(form, rule) for form in FORMS for rule in RULES] + list(ONLY)
    found = {each: opened(site, *each) for each in asked}
    assert found == {(form, rule): rule in EXPECTED[slug] for form, rule in asked}


def test_nobody_who_is_signed_out_passes_anything(site: Browser) -> None:
    for form, rule in [(form, rule) for form in FORMS for rule in RULES] + list(ONLY):
        assert not opened(site, form, rule)


@pytest.mark.parametrize("slug", EXPECTED)
def test_a_list_shows_what_each_row_would(site: Browser, live_server: Any, slug: str) -> None:
    Browser(live_server.url).sign_in("two-tiers")  # who brings the tiers along
    site.sign_in(slug)
    tiers = {each.title: each for each in Tier.objects.filter(campaign__patreon_id="4410027")}
    Story.objects.create(title="any")
    Story.objects.create(title="gold", required_tier=tiers["Gold"])
    Story.objects.create(title="silver", required_tier=tiers["Silver"])
    Story.objects.create(title="cents", min_cents=500)
    shown = {each for each in site.get("/gates/listing/").text.split(",") if each}
    # A row asks for its tier or what is worth as much: "gold" means no less than Gold here.
    assert shown == EXPECTED[slug] & {"any", "gold", "silver", "cents"}


def test_who_is_asked_to_sign_in_comes_back_to_where_they_were(site: Browser) -> None:
    asked = site.get("/gates/decorator/gold/?page=2", allow_redirects=False)
    assert asked.headers["Location"] == "/login/?next=/gates/decorator/gold/%3Fpage%3D2"


def test_who_has_just_joined_gets_in_at_the_second_look(site: Browser, patreon: Patreon) -> None:
    """T25: one look, one answer, no loop."""
    site.sign_in("free")
    page = site.get("/gates/decorator/any/")
    assert "check again" in page.text
    before = len(patreon.api_requests)
    for _ in range(3):
        answer = site.post("/patreon/refresh/", next="/gates/decorator/any/")
        assert answer.headers["Location"] == "/gates/decorator/any/"
    assert patreon.api_requests[before:] == ["GET /api/oauth2/v2/identity 200"]


def test_strangers_who_come_at_once_meet_one_campaign(
    site: Browser, patreon: Patreon, live_server: Any
) -> None:
    """Everybody's first sign-in brings the same campaign and tiers."""
    slugs = ["bronze", "silver", "gold", "custom", "gifted", "free"]
    browsers = [Browser(live_server.url) for _ in slugs]
    visits = [(each, each.consent(slug)) for each, slug in zip(browsers, slugs, strict=True)]
    assert [answer.status_code for answer in visit_together(visits)] == [200] * len(slugs)
    assert Campaign.objects.filter(patreon_id="4410027").count() == 1
    assert Tier.objects.filter(campaign_id="4410027").count() == 4
    assert Membership.objects.exclude(account=None).count() == len(slugs)
    for browser, slug in zip(browsers, slugs, strict=True):
        assert opened(browser, "decorator", "silver") is ("silver" in EXPECTED[slug])
