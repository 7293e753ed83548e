"""Signing in with Patreon, as the person sees it."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from social_django.models import UserSocialAuth

from django_patreon.models import PatreonAccount
from tests.dance import IDENTITY, TOKEN, Dance, query_of

User = get_user_model()


def test_a_first_sign_in_makes_a_user_an_association_and_an_account(dance: Dance) -> None:
    response = dance.sign_in("gold", next="/inside/")

    assert (response.status_code, response["Location"]) == (302, "/inside/")
    user = User.objects.get()
    assert dance.user == user
    assert (user.username, user.email) == ("AlmaReyes", "gold@example.org")
    assert (user.first_name, user.last_name) == ("Alma", "Reyes")
    assert not user.has_usable_password()
    account = user.patreon_account
    assert account.full_name == "Alma Reyes"
    assert account.scopes == ["identity", "identity[email]"]
    assert len(account.access_token.open()) == len(account.refresh_token.open()) == 43
    assert account.state == "connected"
    assert UserSocialAuth.objects.get().uid == account.patreon_id


def test_a_nameless_user_is_not_what_comes_of_a_real_v2_answer(dance: Dance, patreon) -> None:
    """T1: v2 returns no attribute that was not asked for, so we ask for each by name."""
    dance.sign_in("silver")

    asked = query_of(next(c.request.url for c in patreon.calls if IDENTITY in c.request.url))
    assert "full_name" in asked["fields[user]"].split(",")
    assert "amount_cents" in asked["fields[tier]"].split(",")
    assert (
        asked["include"]
        == "memberships.currently_entitled_tiers,memberships.campaign.tiers,campaign.tiers"
    )
    assert dance.user.first_name == "Silvia"


def test_a_sign_in_takes_two_requests_with_a_user_agent_and_encoded_brackets(
    dance: Dance, patreon
) -> None:
    dance.sign_in("gold")

    token, identity = patreon.calls
    assert token.request.url == TOKEN
    assert "%5B" in identity.request.url
    assert "[" not in identity.request.url
    for call in patreon.calls:
        assert call.request.headers["User-Agent"].startswith("django-patreon/")
        assert "Cookie" not in call.request.headers


def test_only_the_least_scopes_are_asked_separated_by_spaces(dance: Dance, settings) -> None:
    """T22."""
    address = dance.begin()
    assert query_of(address)["scope"] == "identity identity[email]"
    assert "scope=identity+identity%5Bemail%5D" in address
    settings.SOCIAL_AUTH_PATREON_SCOPE = ["identity.memberships", "identity"]
    assert query_of(dance.begin())["scope"] == "identity identity[email] identity.memberships"
    settings.SOCIAL_AUTH_PATREON_SCOPE = "campaigns campaigns.members"
    assert query_of(dance.begin())["scope"].endswith("[email] campaigns campaigns.members")


def test_coming_back_finds_the_same_user_with_fresh_tokens_and_profile(dance: Dance) -> None:
    dance.sign_in("gold")
    before = PatreonAccount.objects.get()
    dance.sandbox.world.person_called("gold").full_name = "Alma R. Reyes"
    dance.client.logout()

    dance.sign_in("gold")

    after = PatreonAccount.objects.get()
    assert User.objects.count() == UserSocialAuth.objects.count() == 1
    assert after.full_name == "Alma R. Reyes"
    assert after.access_token != before.access_token
    assert after.refresh_token != before.refresh_token


def test_the_session_key_changes_at_sign_in(dance: Dance) -> None:
    callback = dance.consent(dance.begin(), sandbox_user="gold")
    before = dance.client.session.session_key
    dance.finish(callback)
    assert dance.client.session.session_key != before


def test_beginning_takes_a_post(dance: Dance) -> None:
    assert dance.client.get("/login/patreon/").status_code == 405


def test_beginning_takes_a_csrf_token(dance: Dance) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/login/patreon/").status_code == 403


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "javascript:alert(1)",
        "http:///evil.example",
        "%2f%2fevil.example",
    ],
)
def test_next_stays_on_the_site(dance: Dance, elsewhere: str) -> None:
    response = dance.sign_in("gold", next=elsewhere)
    location = urlsplit(response["Location"])
    assert location.netloc in ("", "localhost")
    assert location.scheme in ("", "http")


@pytest.mark.parametrize(
    ("slug", "username"),
    [("emoji", "patreon_"), ("gold", "AlmaReyes"), ("creator", "lanternhouse")],
)
def test_usernames_come_from_vanity_or_name_or_at_last_the_id(
    dance: Dance, slug: str, username: str
) -> None:
    dance.sign_in(slug)
    assert dance.user.username.startswith(username)


@pytest.mark.parametrize(
    "name",
    ["x" * 300, "שלום עולם", "", "   ", "\u202eevil", "a\0b", "\ud83e", "🦊" * 100, None],
)
def test_no_name_is_too_strange(dance: Dance, name: str | None) -> None:
    person = dance.sandbox.world.person_called("gold")
    person.full_name = person.first_name = person.last_name = name
    person.vanity = name

    response = dance.sign_in("gold")

    assert response.status_code == 302
    dance.user.full_clean(exclude=["password"])
    dance.user.patreon_account.full_clean()


def test_a_second_person_of_the_same_name_gets_a_user_of_their_own(dance: Dance) -> None:
    """Never by username."""
    User.objects.create_user("AlmaReyes", password="x")
    dance.sign_in("gold")
    assert dance.user.username != "AlmaReyes"
    assert dance.user.username.startswith("AlmaReyes")


@pytest.mark.parametrize("slug", ["unverified", "no-email"])
def test_an_address_that_is_not_verified_is_not_taken_over(dance: Dance, slug: str) -> None:
    dance.sign_in(slug)
    assert dance.user.email == ""
    assert dance.user.patreon_account.email == ""


@pytest.mark.parametrize("word", ["true", 1, "yes", None, {}])
def test_verified_means_exactly_true(dance: Dance, word: object) -> None:
    dance.sandbox.world.person_called("gold").is_email_verified = word
    dance.sign_in("gold")
    assert dance.user.email == ""


def test_a_site_may_keep_no_addresses_on_accounts(dance: Dance, settings) -> None:
    settings.PATREON = {"STORE_EMAIL": False}
    dance.sign_in("gold")
    assert dance.user.patreon_account.email == ""


def test_a_superfluous_longer_grant_is_recorded_as_granted(dance: Dance) -> None:
    """T22: the owner of the client is granted everything, so what counts is the answer."""
    dance.sign_in("creator")
    assert "campaigns.members" in dance.user.patreon_account.scopes


def test_a_grant_without_refresh_token_signs_in_and_asks_to_reconnect(dance: Dance) -> None:
    callback = dance.consent(dance.begin(), sandbox_user="gold")
    pair = dance.sandbox.tokens.issue_pair(
        dance.sandbox.world.person_called("gold").id, frozenset({"identity"})
    )
    dance.order("custom", body=json.dumps({"access_token": pair.access_token}))

    dance.finish(callback)

    assert dance.user.patreon_account.state == "reconnect"
    assert dance.user.patreon_account.access_token == ""
