"""An operator connects a campaign; nobody else does, whatever they do to the address."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.test import Client
from social_core.exceptions import AuthPolicyError
from social_django.models import UserSocialAuth
from social_django.utils import load_backend, load_strategy

from django_patreon import sync, tokens
from django_patreon.models import Campaign, Membership, PatreonAccount
from django_patreon.sandbox.ids import FOREIGN, HOME
from tests.dance import IDENTITY, PATREON, Dance, query_of

User = get_user_model()
BEGIN, COMPLETE = "/login/patreon-creator/", "/complete/patreon-creator/"
CAMPAIGNS = "/admin/django_patreon/campaign/"
SCOPES = "identity campaigns campaigns.members w:campaigns.webhook campaigns.members[email]"
NEEDED = {"campaigns", "campaigns.members", "w:campaigns.webhook"}
PERMISSIONS = ("view_campaign", "change_campaign")


def staff(name: str, *permissions: str) -> Any:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


@pytest.fixture
def operator(dance: Dance) -> Any:
    """Somebody who may change campaigns, signed in."""
    user = staff("operator", *PERMISSIONS)
    sign_in(dance, user)
    return user


def sign_in(dance: Dance, user: Any) -> None:
    dance.client.force_login(user, "django.contrib.auth.backends.ModelBackend")


def begin(dance: Dance) -> str:
    """Press the button; return the address at Patreon."""
    response = dance.client.post(BEGIN, {"next": CAMPAIGNS})
    assert response.status_code == 302, response.content
    return str(response["Location"])


def connect(dance: Dance, slug: str = "creator", **choice: str) -> Any:
    """Press the button, and allow it on Patreon as this person."""
    return dance.finish(dance.consent(begin(dance), sandbox_user=slug, **choice))


def page(dance: Dance) -> str:
    return dance.client.get(CAMPAIGNS).content.decode()


def assert_nothing_is_connected() -> None:
    assert not PatreonAccount.objects.exists()
    assert not UserSocialAuth.objects.exists()
    assert not Campaign.objects.exists()


class TestTheStraightWay:
    def test_the_campaign_is_ours_and_its_members_can_be_read(
        self, dance: Dance, operator: Any
    ) -> None:
        response = connect(dance)

        assert (response.status_code, response["Location"]) == (302, CAMPAIGNS)
        assert dance.user == operator
        campaign = Campaign.objects.get(patreon_id=HOME)
        assert (campaign.is_ours, campaign.is_claimed) == (True, False)
        assert campaign.creator == operator.patreon_account
        assert set(operator.patreon_account.scopes) >= NEEDED
        assert "is connected" in page(dance)
        done = sync.sync_campaign(campaign)
        assert done.complete, done.message
        assert Membership.objects.count() == done.seen > 10

    def test_it_asks_for_what_a_sync_and_webhooks_need(
        self, dance: Dance, operator: Any, settings: Any
    ) -> None:
        asked = query_of(begin(dance))
        assert asked["scope"] == SCOPES
        assert asked["redirect_uri"] == f"http://localhost{COMPLETE}"
        settings.PATREON = {**settings.PATREON, "STORE_EMAIL": False}
        settings.SOCIAL_AUTH_PATREON_CREATOR_SCOPE = "campaigns.posts"
        asked = query_of(begin(dance))
        assert asked["scope"] == SCOPES.replace("campaigns.members[email]", "campaigns.posts")

    def test_the_button_is_on_both_pages(self, dance: Dance, operator: Any) -> None:
        connect(dance, "foreign-creator")
        [campaign] = Campaign.objects.filter(is_ours=True)
        for address in (CAMPAIGNS, f"{CAMPAIGNS}{campaign.pk}/change/"):
            text = dance.client.get(address).content.decode()
            assert f'action="{BEGIN}"' in text
            assert f'name="next" value="{address}"' in text

    def test_there_is_no_button_without_the_backend(
        self, dance: Dance, operator: Any, settings: Any
    ) -> None:
        settings.AUTHENTICATION_BACKENDS = [
            each for each in settings.AUTHENTICATION_BACKENDS if "Creator" not in each
        ]
        assert BEGIN not in page(dance)

    def test_the_button_is_protected_from_other_sites(self, dance: Dance, operator: Any) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(operator, "django.contrib.auth.backends.ModelBackend")
        assert browser.post(BEGIN).status_code == 403
        assert browser.get(BEGIN).status_code == 405

    def test_the_tokens_of_the_operators_own_account_are_replaced(
        self, dance: Dance, operator: Any
    ) -> None:
        dance.sign_in("foreign-creator")
        account = PatreonAccount.objects.get()
        assert not NEEDED.intersection(account.scopes)
        dance.sandbox.tokens.granted_scopes.clear()  # so Patreon does not tell the address now
        connect(dance, "foreign-creator")
        account.refresh_from_db()
        assert set(account.scopes) >= NEEDED
        assert account.email == "foreign-creator@example.org"
        assert tokens.client_for(account).campaigns()

    def test_connecting_again_changes_nothing_but_the_tokens(
        self, dance: Dance, operator: Any
    ) -> None:
        for _ in range(2):
            connect(dance)
        assert Campaign.objects.filter(is_ours=True).count() == 1
        assert UserSocialAuth.objects.get().provider == "patreon"
        assert PatreonAccount.objects.get().token_generation == 2

    def test_a_second_campaign_is_refused_until_gates_say_which_they_mean(
        self, dance: Dance, operator: Any, settings: Any
    ) -> None:
        other = staff("other", *PERMISSIONS)
        connect(dance)
        sign_in(dance, other)
        response = connect(dance, "foreign-creator")
        assert response.status_code == 403
        assert b"CAMPAIGN_ID" in response.content
        assert [each.patreon_id for each in Campaign.objects.filter(is_ours=True)] == [HOME]
        assert not PatreonAccount.objects.filter(user=other).exists()
        settings.PATREON = {**settings.PATREON, "CAMPAIGN_ID": HOME}
        assert connect(dance, "foreign-creator").status_code == 302
        assert Campaign.objects.filter(is_ours=True).count() == 2

    def test_a_creator_who_signs_in_with_fewer_rights_keeps_the_larger_pair(
        self, dance: Dance, operator: Any
    ) -> None:
        connect(dance, "foreign-creator")
        before = PatreonAccount.objects.get()
        dance.sandbox.tokens.granted_scopes.clear()  # Patreon is not known to be sticky always
        dance.client.logout()
        dance.sign_in("foreign-creator")
        after = PatreonAccount.objects.get()
        assert dance.user == operator
        assert after.scopes == before.scopes
        assert after.refresh_token == before.refresh_token
        assert sync.sync_campaign(Campaign.objects.get(patreon_id=FOREIGN)).complete

    def test_the_command_syncs_it_and_is_quiet_in_cron(
        self, dance: Dance, operator: Any, capsys: Any
    ) -> None:
        connect(dance)
        call_command("patreon_sync", verbosity=0)
        assert capsys.readouterr() == ("", "")
        assert Campaign.objects.get(patreon_id=HOME).synced_at is not None


class TestWhoMayNot:
    @pytest.mark.parametrize(
        "permissions", [(), ("view_campaign",), ("change_patreonaccount", "change_membership")]
    )
    def test_staff_without_the_permission(self, dance: Dance, permissions: Any) -> None:
        sign_in(dance, staff("reader", "view_campaign", *permissions))
        assert BEGIN not in page(dance)
        response = dance.client.post(BEGIN)
        assert response.status_code == 403
        assert b"Only staff who may change campaigns" in response.content

    def test_somebody_with_the_permission_who_is_not_staff(self, dance: Dance) -> None:
        user = staff("patron", *PERMISSIONS)
        User.objects.update(is_staff=False)
        sign_in(dance, user)
        assert dance.client.post(BEGIN).status_code == 403

    def test_somebody_who_is_signed_out(self, dance: Dance) -> None:
        assert dance.client.post(BEGIN).status_code == 403
        response = dance.finish(f"{COMPLETE}?state=made-up&code=made-up")
        assert response.status_code == 403
        assert dance.user is None
        assert_nothing_is_connected()

    def test_somebody_whose_permission_is_taken_away_meanwhile(
        self, dance: Dance, operator: Any
    ) -> None:
        callback = dance.consent(begin(dance), sandbox_user="creator")
        operator.user_permissions.clear()
        assert dance.finish(callback).status_code == 403
        assert not dance.sandbox.tokens.pairs, "the code was spent for nothing"
        assert_nothing_is_connected()

    def test_another_operator_who_signed_in_meanwhile(self, dance: Dance, operator: Any) -> None:
        callback = dance.consent(begin(dance), sandbox_user="creator")
        other = staff("other", *PERMISSIONS)
        sign_in(dance, other)
        assert dance.finish(callback).status_code == 403
        assert dance.user == other
        assert not dance.sandbox.tokens.pairs, "the code was spent for nothing"
        assert_nothing_is_connected()

    def test_an_operator_who_signed_out_meanwhile(self, dance: Dance, operator: Any) -> None:
        callback = dance.consent(begin(dance), sandbox_user="creator")
        dance.client.logout()
        assert dance.finish(callback).status_code == 403
        assert dance.user is None
        assert_nothing_is_connected()


class TestGamesWithTheAddress:
    def test_a_sign_in_does_not_come_back_as_a_connection(
        self, dance: Dance, operator: Any
    ) -> None:
        callback = dance.consent(dance.begin(), sandbox_user="foreign-creator", scope=SCOPES)
        response = dance.finish(callback.replace("patreon/", "patreon-creator/", 1))
        assert response.status_code == 403
        assert_nothing_is_connected()

    def test_a_connection_does_not_come_back_as_a_sign_in(
        self, dance: Dance, operator: Any
    ) -> None:
        callback = dance.consent(begin(dance), sandbox_user="creator")
        response = dance.finish(callback.replace("patreon-creator/", "patreon/", 1))
        assert response.status_code == 403
        assert_nothing_is_connected()

    def test_a_visitor_who_asks_for_more_scopes_makes_no_campaign_ours(
        self, dance: Dance, operator: Any
    ) -> None:
        connect(dance)
        dance.client.logout()
        dance.finish(dance.consent(dance.begin(), sandbox_user="foreign-creator", scope=SCOPES))
        assert not Campaign.objects.get(patreon_id=FOREIGN).is_ours

    def test_another_browsers_answer_connects_nothing(self, dance: Dance, operator: Any) -> None:
        other = Dance(dance.sandbox)
        attacker = staff("attacker", *PERMISSIONS)
        sign_in(other, attacker)
        callback = other.consent(begin(other), sandbox_user="foreign-creator")
        assert dance.finish(callback).status_code == 403
        assert_nothing_is_connected()

    def test_an_answer_works_once(self, dance: Dance, operator: Any) -> None:
        callback = dance.consent(begin(dance), sandbox_user="creator")
        assert dance.finish(callback).status_code == 302
        assert dance.finish(callback).status_code == 403

    @pytest.mark.parametrize("state", ["", "another"])
    def test_another_state_connects_nothing(self, dance: Dance, operator: Any, state: str) -> None:
        callback = dance.consent(begin(dance), sandbox_user="creator")
        code = query_of(callback)["code"]
        response = dance.finish(f"{COMPLETE}?code={code}&state={state}")
        assert 400 <= response.status_code < 500
        assert_nothing_is_connected()

    def test_a_token_without_a_grant_signs_nobody_in(self, dance: Dance, operator: Any) -> None:
        """A site's own view may pass a token on, as social-auth's docs show."""
        strategy = load_strategy()
        backend = load_backend(strategy, "patreon-creator", redirect_uri=None)
        pair = dance.sandbox.tokens.issue_pair("1", frozenset(SCOPES.split()))
        with pytest.raises(AuthPolicyError):
            backend.do_auth(pair.access_token)
        with pytest.raises(AuthPolicyError):
            authenticate(None, backend=backend, strategy=strategy, response={"id": "1"})
        assert_nothing_is_connected()


class TestWhatMayGoWrong:
    def test_patreon_grants_too_little(self, dance: Dance, operator: Any) -> None:
        response = connect(dance, "foreign-creator", scope="identity w:campaigns.webhook")
        assert response.status_code == 403
        assert b"the rights campaigns, campaigns.members" in response.content
        assert CAMPAIGNS.encode() in response.content
        assert_nothing_is_connected()

    def test_what_a_sync_can_do_without_is_only_said(self, dance: Dance, operator: Any) -> None:
        connect(dance, "foreign-creator", scope="identity campaigns campaigns.members")
        text = page(dance)
        assert "is connected" in text
        assert "lack w:campaigns.webhook, campaigns.members[email]" in text
        assert Campaign.objects.get(patreon_id=FOREIGN).is_ours

    def test_older_tokens_that_cannot_be_given_up_are_named(
        self, dance: Dance, operator: Any
    ) -> None:
        dance.finish(
            dance.consent(
                dance.begin(), sandbox_user="foreign-creator", scope="identity campaigns.posts"
            )
        )
        dance.sandbox.tokens.granted_scopes.clear()
        connect(dance, "foreign-creator")
        assert set(PatreonAccount.objects.get().scopes) == {"identity", "campaigns.posts"}
        assert "lack campaigns, campaigns.members" in page(dance)

    def test_a_patron_has_no_campaign(self, dance: Dance, operator: Any) -> None:
        response = connect(dance, "gold")
        assert response.status_code == 403
        assert b"Alma Reyes has no campaign on Patreon" in response.content
        assert_nothing_is_connected()

    @pytest.mark.parametrize("answer", ["yes", "silent"])
    def test_it_is_denied_at_patreon(self, dance: Dance, operator: Any, answer: str) -> None:
        response = dance.finish(dance.consent(begin(dance), sandbox_deny=answer))
        assert response.status_code == 403
        assert b"not to let this site read your campaign" in response.content
        assert b"The campaign is not connected" in response.content
        assert b"/login/patreon/" not in response.content
        assert_nothing_is_connected()

    def test_the_identity_is_another_users(self, dance: Dance, operator: Any) -> None:
        dance.client.logout()
        dance.sign_in("foreign-creator")
        owner = dance.user
        sign_in(dance, operator)
        response = connect(dance, "foreign-creator")
        assert response.status_code == 409
        assert b"already connected to another account" in response.content
        assert PatreonAccount.objects.get().user == owner
        assert not Campaign.objects.filter(is_ours=True).exists()

    def test_the_identity_signs_in_as_another_user(self, dance: Dance, operator: Any) -> None:
        dance.client.logout()
        dance.sign_in("foreign-creator")
        PatreonAccount.objects.all().delete()
        Campaign.objects.all().delete()
        sign_in(dance, operator)
        assert connect(dance, "foreign-creator").status_code == 409
        assert not PatreonAccount.objects.exists()
        assert not Campaign.objects.filter(is_ours=True).exists()

    def test_the_operator_has_another_identity(self, dance: Dance, operator: Any) -> None:
        dance.sign_in("gold")
        response = connect(dance, "foreign-creator")
        assert response.status_code == 409
        assert b"Disconnect that one first" in response.content
        assert not Campaign.objects.filter(patreon_id=FOREIGN, is_ours=True).exists()

    @pytest.mark.parametrize("where", ["token", "identity"])
    def test_patreon_is_in_trouble(self, dance: Dance, operator: Any, where: str) -> None:
        callback = dance.consent(begin(dance), sandbox_user="creator")
        path = "/api/oauth2/token" if where == "token" else IDENTITY.removeprefix(PATREON)
        dance.order("http_503_html", path=path)
        response = dance.finish(callback)
        assert 500 <= response.status_code < 505
        assert b"Patreon is having trouble" in response.content
        assert_nothing_is_connected()

    def test_what_the_database_refuses_is_a_page(self, dance: Dance, operator: Any) -> None:
        if connection.vendor == "mysql":
            pytest.skip("MariaDB ends the transaction of the test with the new index")
        with connection.cursor() as cursor:
            cursor.execute("CREATE UNIQUE INDEX one ON django_patreon_patreonaccount (state)")
        other = Dance(dance.sandbox)
        other.sign_in("gold")
        response = connect(dance)
        assert response.status_code == 409
        assert b"could not save the connection" in response.content
        assert PatreonAccount.objects.get().user == other.user
        assert not Campaign.objects.filter(creator__isnull=False).exists()

    def test_key_or_secret_are_missing(self, dance: Dance, operator: Any, settings: Any) -> None:
        settings.SOCIAL_AUTH_PATREON_SECRET = ""
        assert dance.client.post(BEGIN).status_code == 503
