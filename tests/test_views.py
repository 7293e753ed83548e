"""The account page, and disconnecting."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from social_django.models import UserSocialAuth

from django_patreon.models import PatreonAccount

from .dance import Dance

User = get_user_model()
ACCOUNT, UNLINK = "/patreon/account/", "/patreon/unlink/"


@pytest.fixture
def member(dance: Dance) -> Dance:
    """Somebody who registered with a password, signed in, and linked Patreon."""
    dance.client.force_login(User.objects.create_user("alma", password="x"))
    dance.sign_in("gold", next=ACCOUNT)
    return dance


@pytest.mark.parametrize("url", [ACCOUNT, UNLINK])
def test_strangers_are_asked_to_sign_in(dance: Dance, url: str) -> None:
    ask = dance.client.post if url == UNLINK else dance.client.get
    assert ask(url)["Location"].startswith("/login/?next=")


def test_linking_keeps_the_user_and_adds_an_account(member: Dance) -> None:
    assert member.user.username == "alma"
    assert member.user.patreon_account.full_name == "Alma Reyes"
    page = member.client.get(ACCOUNT)
    assert b"Alma Reyes" in page.content
    assert b"Disconnect Patreon" in page.content


def test_without_a_link_the_page_offers_one(dance: Dance) -> None:
    dance.client.force_login(User.objects.create_user("alma", password="x"))
    page = dance.client.get(ACCOUNT).content
    assert b"Connect Patreon" in page
    assert b"Disconnect" not in page


def test_unlinking_takes_everything_of_patreon_and_leaves_the_user(member: Dance) -> None:
    response = member.client.post(UNLINK, follow=True)
    assert b"no longer connected" in response.content or b"not connected" in response.content
    assert not PatreonAccount.objects.exists()
    assert not UserSocialAuth.objects.exists()
    assert member.user.username == "alma"


def test_unlinking_takes_a_post(member: Dance) -> None:
    assert member.client.get(UNLINK).status_code == 405
    assert PatreonAccount.objects.exists()


def test_the_last_way_in_stays_and_the_way_out_is_explained(dance: Dance) -> None:
    dance.sign_in("gold")
    response = dance.client.post(UNLINK)
    assert response.status_code == 409
    assert b"Set a password first" in response.content
    assert PatreonAccount.objects.exists()
    assert UserSocialAuth.objects.exists()


def test_social_auths_own_disconnect_url_does_the_same(member: Dance) -> None:
    member.client.post("/disconnect/patreon/")
    assert not PatreonAccount.objects.exists()
    assert not UserSocialAuth.objects.exists()


def test_unlinking_twice_is_no_error(member: Dance) -> None:
    for _ in range(2):
        assert member.client.post(UNLINK).status_code == 302


def test_after_unlinking_the_patreon_is_free_for_another_user(member: Dance) -> None:
    """T23."""
    member.client.post(UNLINK)
    member.client.force_login(User.objects.create_user("other", password="x"))
    member.sign_in("gold")
    assert member.user.patreon_account.full_name == "Alma Reyes"


def test_a_lost_key_shows_reconnect_and_signing_in_mends_it(member: Dance, settings) -> None:
    settings.PATREON = {"TOKEN_KEYS": ["another-key-" + "x" * 40]}
    page = member.client.get(ACCOUNT)
    assert page.status_code == 200
    assert b"Reconnect Patreon" in page.content
    member.sign_in("gold")
    assert b"Reconnect" not in member.client.get(ACCOUNT).content
    assert member.user.patreon_account.access_token


def test_the_page_holds_no_token(member: Dance) -> None:
    page = member.client.get(ACCOUNT).content.decode()
    assert member.user.patreon_account.access_token not in page


def test_at_social_auths_own_disconnect_url_the_last_way_in_stays_too(dance: Dance) -> None:
    dance.sign_in("gold")
    response = dance.client.post("/disconnect/patreon/")
    assert response.status_code == 403
    assert b"Patreon stays connected" in response.content
    assert b"Set a password first" in response.content
    assert b"Try again" not in response.content
    assert PatreonAccount.objects.exists()
