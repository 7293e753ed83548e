"""The full dance between three programs, over HTTP."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from social_django.models import UserSocialAuth

from django_patreon.models import PatreonAccount, Tier

from .conftest import Browser, Patreon, visit_together

User = get_user_model()
PEOPLE = [
    *("bronze", "silver", "gold", "gold-annual", "gifted", "trial", "free", "pending"),
    *("declined", "declined-out", "cancelled", "former", "stranger", "foreign-only"),
    *("foreign-first", "two-tiers", "custom", "blank", "refunded", "creator", "unverified"),
    *("no-email", "emoji"),
]


def test_everybody_can_sign_in(visitor: Browser, patreon: Patreon) -> None:
    for slug in PEOPLE:
        visitor.session.cookies.clear()
        page = visitor.sign_in(slug)
        assert page.status_code == 200
        assert "signed in as" in page.text, slug
    assert User.objects.count() == UserSocialAuth.objects.count() == len(PEOPLE)
    assert PatreonAccount.objects.filter(state="connected").count() == len(PEOPLE)


def test_a_sign_in_is_two_requests(visitor: Browser, patreon: Patreon) -> None:
    visitor.sign_in("gold")
    assert patreon.api_requests == [
        "POST /api/oauth2/token 200",
        "GET /api/oauth2/v2/identity 200",
    ]


def test_saying_no_ends_on_a_page_with_another_try(visitor: Browser) -> None:
    for kind in ("yes", "silent"):
        page = visitor.get(f"{visitor.begin()}&sandbox_deny={kind}")
        assert page.status_code == 403
        assert "Try again with Patreon" in page.text


@pytest.mark.parametrize("kind", ["reset", "cut", "http_500_html", "http_429"])
def test_a_bad_day_at_patreon_ends_on_a_page(visitor: Browser, patreon: Patreon, kind) -> None:
    patreon.control("faults", kind=kind, path="/api/oauth2/v2")
    page = visitor.sign_in("gold")
    assert page.status_code in (502, 503)
    assert "Try again" in page.text
    assert not User.objects.exists()


def test_a_patreon_that_is_silent_is_not_waited_for(
    visitor: Browser, patreon: Patreon, settings
) -> None:
    settings.PATREON = {"BASE_URL": patreon.url, "TIMEOUT": (1, 0.3), "RATE_LIMIT": None}
    patreon.control("faults", kind="timeout", seconds=5)
    assert visitor.sign_in("gold").status_code == 504


def test_a_patreon_that_is_away_is_a_page(visitor: Browser, settings, patreon: Patreon) -> None:
    callback = visitor.consent("gold")
    settings.PATREON = {"BASE_URL": "http://127.0.0.1:9", "RATE_LIMIT": None}
    assert visitor.get(callback).status_code == 503


def test_browser_and_site_can_find_patreon_at_two_addresses(
    visitor: Browser, patreon: Patreon, settings
) -> None:
    """As in containers: the browser's address for pages, the site's for requests."""
    browser_url = patreon.url.replace("127.0.0.1", "localhost")
    settings.PATREON = {**settings.PATREON, "BROWSER_URL": f"{browser_url}/"}
    assert visitor.begin().startswith(f"{browser_url}/oauth2/authorize?")
    assert "signed in as" in visitor.sign_in("gold").text
    for tier in Tier.objects.all():
        assert tier.checkout_url.startswith(f"{browser_url}/checkout/")
    settings.PATREON = {"BASE_URL": "http://127.0.0.1:9", "BROWSER_URL": browser_url}
    assert visitor.sign_in("gold").status_code == 503


@pytest.mark.parametrize("crowd", [2, 4])
def test_browsers_that_finish_one_first_sign_in_together_share_a_user(
    live_server, patreon: Patreon, crowd: int
) -> None:
    """One user, one account, everybody signed in, nothing left over."""
    browsers = [Browser(live_server.url) for _ in range(crowd)]
    pages = visit_together([(each, each.consent("gold")) for each in browsers])

    assert [page.status_code for page in pages] == [200] * crowd, [p.text[:300] for p in pages]
    user = User.objects.get()
    assert all(f"signed in as {user.username}" in page.text for page in pages)
    assert UserSocialAuth.objects.get().user == user
    assert PatreonAccount.objects.get().user == user


def test_two_users_that_link_one_patreon_together_leave_it_to_one(
    live_server, patreon: Patreon
) -> None:
    """T23, as a race."""
    browsers = []
    for name in ("one", "two"):
        User.objects.create_user(name, password="x")
        browsers.append(Browser(live_server.url))
        browsers[-1].post("/password/", name=name, password="x")
    pages = visit_together([(each, each.consent("gold")) for each in browsers])

    assert sorted(page.status_code for page in pages) == [200, 409]
    account = PatreonAccount.objects.get()
    assert UserSocialAuth.objects.get().user == account.user
    assert User.objects.count() == 2


def test_unlinking_and_linking_again(visitor: Browser) -> None:
    User.objects.create_user("alma", password="x")
    visitor.post("/password/", name="alma", password="x")
    for _ in range(2):
        assert "signed in as alma" in visitor.sign_in("gold").text
        assert PatreonAccount.objects.get().user.username == "alma"
        assert visitor.post("/patreon/unlink/").status_code == 302
        assert not PatreonAccount.objects.exists()
