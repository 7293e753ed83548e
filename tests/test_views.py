"""The account page, and disconnecting."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from social_django.models import UserSocialAuth

from django_patreon.models import Campaign, Grant, Membership, PatreonAccount

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


def test_a_button_that_could_not_work_is_not_offered(dance: Dance) -> None:
    dance.sign_in("gold")
    page = dance.client.get(ACCOUNT).content.decode()
    assert "Set a password first" in page
    assert 'role="alert"' not in page
    assert "Disconnect Patreon" not in page
    user = dance.user
    user.set_password("a second way in")
    user.save()
    dance.client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    page = dance.client.get(ACCOUNT).content.decode()
    assert "Set a password first" not in page
    assert "Disconnect Patreon" in page


def test_a_site_that_lets_people_lock_themselves_out_offers_the_button(
    dance: Dance, settings: Any
) -> None:
    settings.SOCIAL_AUTH_DISCONNECT_PIPELINE = [
        "social_core.pipeline.disconnect.get_entries",
        "social_core.pipeline.disconnect.disconnect",
    ]
    dance.sign_in("gold")
    assert b"Disconnect Patreon" in dance.client.get(ACCOUNT).content
    assert dance.client.post(UNLINK).status_code == 302
    assert not PatreonAccount.objects.exists()


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


@pytest.mark.parametrize(
    ("slug", "says", "holds", "ends"),
    [
        ("gold", "You are a patron; thank you.", "Gold", False),
        ("cancelled", "You have cancelled", "Silver", True),
        ("declined", "Your last payment was declined; you keep", "Silver", True),
        ("free", "You follow this campaign for free", "", False),
        ("stranger", "You are not a member of this campaign", "", False),
    ],
)
def test_the_page_says_how_the_membership_stands(
    dance: Dance, settings: Any, slug: str, says: str, holds: str, ends: bool
) -> None:
    settings.PATREON = {**settings.PATREON, "CAMPAIGN_ID": "4410027"}
    dance.sign_in("gold")  # somebody whose campaign and tiers are known
    dance.client.logout()
    dance.sign_in(slug)
    page = dance.client.get(ACCOUNT).content.decode()
    assert says in page
    assert ("You have</dt>" in page) == bool(holds)
    assert holds in page
    assert ("Ends on" in page or "At least until" in page) == ends
    assert 'href="/patreon/locked/"' in page


@pytest.mark.parametrize("says_the_next_charge", [True, False])
def test_who_has_cancelled_sees_when_what_is_paid_ends(
    dance: Dance, says_the_next_charge: bool
) -> None:
    """T8."""
    dance.sign_in("cancelled")
    account = dance.user.patreon_account
    paid = localtime(account.created_at).replace(day=27)
    until = paid.replace(year=paid.year + 1)
    Membership.objects.update(
        last_charge_date=paid,
        pledge_cadence=12,
        next_charge_date=until if says_the_next_charge else None,
    )
    page = dance.client.get(ACCOUNT).content.decode()
    assert f"<dt>Ends on</dt><dd>{date_format(until, 'DATE_FORMAT')}</dd>" in page
    # Patreon lists it longer than it said: nobody knows the end.
    Membership.objects.update(next_charge_date=paid - timedelta(days=60))
    page = dance.client.get(ACCOUNT).content.decode()
    assert "You have cancelled" in page
    assert "Ends on" not in page


def test_a_pass_has_an_end_of_its_own(member: Dance) -> None:
    campaign = Campaign.objects.get(patreon_id="4410027")
    account = member.user.patreon_account
    until = localtime(account.created_at) + timedelta(days=3)
    Grant.objects.give(member.user, cents=500, campaign=campaign, until=until)
    page = member.client.get(ACCOUNT).content.decode()
    assert "have given you a pass" in page
    assert date_format(until, "DATE_FORMAT") in page


def test_a_site_without_a_campaign_says_nothing_of_one(member: Dance) -> None:
    Campaign.objects.update(is_ours=False)
    page = member.client.get(ACCOUNT).content.decode()
    assert "Alma Reyes" in page
    assert "membership" not in page


def test_the_page_takes_four_queries_and_a_fifth_for_other_ways_in(
    member: Dance, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(4):  # session, user, account, what gates know
        member.client.get(ACCOUNT)
    user = member.user
    user.set_unusable_password()
    user.save()
    member.client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    with django_assert_num_queries(5):
        member.client.get(ACCOUNT)


def test_what_has_just_been_done_is_said_with_the_shipped_templates(member: Dance) -> None:
    page = member.client.post("/patreon/refresh/", follow=True).content.decode()
    assert '<p class="patreon-message" role="status">Nothing is new.</p>' in page
    assert "Nothing is new." not in member.client.get(ACCOUNT).content.decode()


STYLE = '<link rel="stylesheet" href="{}">'


@pytest.mark.parametrize("has_app", [True, False])
@pytest.mark.parametrize(
    ("where", "link"),
    [
        ("/static/", STYLE.format("/static/django_patreon/patreon.css")),
        (
            "https://cdn.example/s/",
            STYLE.format("https://cdn.example/s/django_patreon/patreon.css"),
        ),
        (None, ""),
    ],
)
def test_the_pages_have_their_style_where_files_are_served(
    member: Dance, settings: Any, has_app: bool, where: str | None, link: str
) -> None:
    settings.STATIC_URL = where
    settings.INSTALLED_APPS = [
        each for each in settings.INSTALLED_APPS if has_app or "staticfiles" not in each
    ]
    page = member.client.get(ACCOUNT).content.decode()
    assert "Alma Reyes" in page
    assert ("stylesheet" in page) == bool(link)
    assert link in page


def test_without_messages_the_pages_work_and_are_silent(member: Dance, settings: Any) -> None:
    settings.INSTALLED_APPS = [each for each in settings.INSTALLED_APPS if "messages" not in each]
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if "messages" not in each]
    [engine] = settings.TEMPLATES
    options = engine["OPTIONS"]
    kept = [each for each in options["context_processors"] if "messages" not in each]
    settings.TEMPLATES = [{**engine, "OPTIONS": {**options, "context_processors": kept}}]
    page = member.client.post("/patreon/refresh/", follow=True)
    assert page.status_code == 200
    assert b"patreon-message" not in page.content


def test_the_page_holds_no_token(member: Dance) -> None:
    page = member.client.get(ACCOUNT).content.decode()
    assert member.user.patreon_account.access_token.open() not in page


def test_at_social_auths_own_disconnect_url_the_last_way_in_stays_too(dance: Dance) -> None:
    dance.sign_in("gold")
    response = dance.client.post("/disconnect/patreon/")
    assert response.status_code == 403
    assert b"Patreon stays connected" in response.content
    assert b"Set a password first" in response.content
    assert b"Try again" not in response.content
    assert PatreonAccount.objects.exists()


def test_checking_again_with_a_lost_connection_says_so(member: Dance) -> None:
    PatreonAccount.objects.update(state=PatreonAccount.State.RECONNECT)
    page = member.client.post("/patreon/refresh/", {"next": "/"}, follow=True)
    assert b"Your connection to Patreon has ended" in page.content
    assert b"Reconnect Patreon" in page.content


def test_so_does_checking_again_when_patreon_refuses_the_token_for_good(member: Dance) -> None:
    PatreonAccount.objects.update(token_expires_at=timezone.now())
    member.order("http_401", path="/api/oauth2/token", times=5)
    page = member.client.post("/patreon/refresh/", {"next": "/"}, follow=True)
    assert b"Your connection to Patreon has ended" in page.content
    assert b"Reconnect Patreon" in page.content


@pytest.mark.parametrize("path", [ACCOUNT, "/patreon/locked/"])
def test_a_lost_connection_is_named_beside_the_button_that_mends_it(
    member: Dance, path: str
) -> None:
    """What is known of the person still opens what it did."""
    PatreonAccount.objects.update(state=PatreonAccount.State.RECONNECT)
    text = member.client.get(path).content.decode()
    assert "You are a patron" in text
    assert "The connection has been lost" in text
    assert "Reconnect Patreon" in text
    assert "check again" not in text  # it could not be
    Membership.objects.update(fetched_at=timezone.now() - timedelta(days=20))
    text = member.client.get(path).content.decode()
    assert "You are a patron" not in text
    assert "Your connection to Patreon has ended. Please connect Patreon again." in text
    assert "Reconnect Patreon" in text
    assert "check again" not in text
