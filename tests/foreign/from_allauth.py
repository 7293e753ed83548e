"""Taking over from django-allauth, which is driven as it is. Run by test_moving.py."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone
from social_django.models import UserSocialAuth

from django_patreon import tokens
from django_patreon.models import PatreonAccount
from tests.dance import Dance
from tests.test_leaks import everything_stored

User = get_user_model()
pytestmark = pytest.mark.django_db


@pytest.fixture
def app(db: None) -> SocialApp:
    return SocialApp.objects.create(
        provider="patreon", name="Patreon", client_id="sandbox-client", secret="sandbox-secret"
    )


@pytest.fixture
def old(dance: Dance, app: SocialApp) -> Dance:
    """A site that used allauth until today, and somebody who signed in there."""
    sign_in_with_allauth(dance)
    return dance


def sign_in_with_allauth(dance: Dance, slug: str = "gold") -> None:
    away = dance.client.post("/accounts/patreon/login/")["Location"]
    done = dance.finish(dance.consent(away, sandbox_user=slug))
    assert done.status_code == 302, done.content
    assert dance.user is not None
    dance.client.logout()


def adopt(*words: str) -> str:
    out = io.StringIO()
    call_command("patreon_adopt", "--from", "allauth", *words, stdout=out)
    return out.getvalue()


def summary(said: str) -> str:
    [line] = [each for each in said.splitlines() if each.endswith("cleared.")]
    return line


def skipped() -> str:
    out = io.StringIO()
    with pytest.raises(CommandError, match="could not be taken over"):
        call_command("patreon_adopt", "--from", "allauth", stdout=out)
    return out.getvalue()


def state() -> list[Any]:
    models = (User, UserSocialAuth, PatreonAccount, SocialAccount, SocialToken, SocialApp)
    return [list(each.objects.order_by("pk").values()) for each in models]


def account_by_hand(name: str, uid: str, provider: str = "patreon") -> SocialAccount:
    user, _ = User.objects.get_or_create(username=name)
    return SocialAccount.objects.create(user=user, provider=provider, uid=uid)


def token_by_hand(account: SocialAccount, **more: Any) -> SocialToken:
    uid = account.uid
    given = {"token": f"access-{uid}", "token_secret": f"refresh-{uid}", **more}
    return SocialToken.objects.create(account=account, **given)


def test_people_sign_in_as_the_same_user_and_their_tokens_live_on(old: Dance) -> None:
    before = User.objects.get()
    [pair] = old.sandbox.tokens.pairs
    assert SocialToken.objects.get().token_secret == pair.refresh_token

    assert summary(adopt()) == "1 adopted, 0 already, 0 skipped, 1 cleared."

    account = PatreonAccount.objects.get()
    assert (account.user, account.refresh_token) == (before, pair.refresh_token)
    assert timedelta(days=30) < account.token_expires_at - timezone.now() < timedelta(days=31)
    assert tokens.client_for(account).identity().user.full_name == "Alma Reyes"
    assert tokens.refresh(account) == old.sandbox.tokens.pairs[-1].access_token
    old.sign_in("gold")
    assert old.user == before
    assert User.objects.count() == PatreonAccount.objects.count() == 1


def test_no_token_is_left_in_clear_and_nothing_else_is_changed(old: Dance, caplog) -> None:
    kept = [list(each.objects.values()) for each in (User, SocialAccount, SocialApp)]
    said = adopt("-v", "3")
    assert [list(each.objects.values()) for each in (User, SocialAccount, SocialApp)] == kept
    token = SocialToken.objects.get()
    assert (token.token, token.token_secret) == ("", "")
    [pair] = old.sandbox.tokens.pairs
    for place in (said, caplog.text, everything_stored()):
        assert pair.access_token not in place
        assert pair.refresh_token not in place


def test_patreon_is_not_asked(old: Dance, patreon: Any) -> None:
    asked = len(patreon.calls)
    adopt()
    assert len(patreon.calls) == asked


def test_a_second_run_changes_nothing(old: Dance) -> None:
    adopt()
    once = state()
    assert summary(adopt()) == "0 adopted, 1 already, 0 skipped, 0 cleared."
    assert state() == once


def test_a_dry_run_says_the_same_and_writes_nothing(old: Dance) -> None:
    token_by_hand(account_by_hand("bo", "2"), token_secret="")
    before = state()
    dry = adopt("--dry-run")
    assert state() == before
    assert dry == f"Dry run: nothing is written.\n{adopt()}"
    assert summary(dry) == "2 adopted, 0 already, 0 skipped, 2 cleared."
    assert "1 of the adopted have no refresh token" in dry


def test_other_providers_are_left_alone(app: SocialApp) -> None:
    google = SocialApp.objects.create(provider="google", client_id="g", secret="a secret")
    token_by_hand(account_by_hand("bo", "2", provider="google"), app=google)
    before = state()
    assert summary(adopt()) == "0 adopted, 0 already, 0 skipped, 0 cleared."
    assert state() == before


def test_a_token_without_an_end_is_renewed_before_long(app: SocialApp) -> None:
    token_by_hand(account_by_hand("bo", "2"), app=app)
    adopt()
    ends = PatreonAccount.objects.get().token_expires_at
    assert ends - timezone.now() <= timedelta(days=7)


def test_an_account_without_a_token_is_taken_over_and_reconnects(app: SocialApp) -> None:
    """allauth keeps tokens only with SOCIALACCOUNT_STORE_TOKENS."""
    account_by_hand("bo", "2")
    assert summary(adopt()) == "1 adopted, 0 already, 0 skipped, 0 cleared."
    assert PatreonAccount.objects.get().needs_reconnect


def test_of_several_tokens_the_one_that_ends_last_is_taken(app: SocialApp) -> None:
    account = account_by_hand("bo", "2")
    for secret, days in (("older", 3), ("newest", 20), ("oldest", 1)):
        token_by_hand(
            account, token_secret=secret, expires_at=timezone.now() + timedelta(days=days)
        )
    adopt()
    assert PatreonAccount.objects.get().refresh_token == "newest"
    assert not SocialToken.objects.exclude(token="", token_secret="").exists()


def test_tokens_of_a_later_sign_in_are_kept(old: Dance, time_machine_at: Any) -> None:
    adopt()
    left = {
        "token": "x",
        "token_secret": "left",
        "expires_at": SocialToken.objects.get().expires_at,
    }
    time_machine_at(hours=1)
    old.sign_in("gold")
    newest = old.sandbox.tokens.pairs[-1].refresh_token
    SocialToken.objects.update(**left)
    SocialAccount.objects.get().save()  # somebody presses "save" in the admin
    assert summary(adopt()) == "0 adopted, 1 already, 0 skipped, 1 cleared."
    assert PatreonAccount.objects.get().refresh_token == newest


def test_tokens_of_a_later_sign_in_through_allauth_are_taken(
    old: Dance, time_machine_at: Any
) -> None:
    adopt()
    time_machine_at(hours=1)
    sign_in_with_allauth(old)
    assert summary(adopt()) == "0 adopted, 1 already, 0 skipped, 1 cleared."
    account = PatreonAccount.objects.get()
    assert account.refresh_token == old.sandbox.tokens.pairs[-1].refresh_token


def test_a_token_that_had_ended_before_the_row_was_last_saved(app: SocialApp) -> None:
    ended = timezone.now() - timedelta(days=1)
    token_by_hand(account_by_hand("bo", "2"), app=app, expires_at=ended)
    adopt()
    account = PatreonAccount.objects.get()
    assert account.refresh_token == "refresh-2"
    assert account.token_expires_at <= timezone.now()  # renewed before its first use


def test_tokens_of_another_client_are_refused(app: SocialApp) -> None:
    SocialApp.objects.update(client_id="another")
    with pytest.raises(CommandError, match="belong to the client another, and SOCIAL_AUTH_PATREON"):
        adopt()


def test_clients_in_the_settings_count_too(db: None, settings: Any) -> None:
    for given in ({"APP": {"client_id": "another"}}, {"APPS": [{"client_id": "another"}]}):
        settings.SOCIALACCOUNT_PROVIDERS = {"patreon": given}
        with pytest.raises(CommandError, match="belong to the client another"):
            adopt()
    settings.SOCIALACCOUNT_PROVIDERS = {"patreon": {"APPS": [{"client_id": "sandbox-client"}]}}
    token_by_hand(account_by_hand("bo", "2"))
    adopt()
    assert PatreonAccount.objects.get().refresh_token == "refresh-2"


def test_of_two_clients_only_ours_tokens_are_of_use(app: SocialApp) -> None:
    other = SocialApp.objects.create(provider="patreon", name="Other", client_id="another")
    token_by_hand(account_by_hand("bo", "2"), app=other)
    assert summary(adopt()) == "1 adopted, 0 already, 0 skipped, 1 cleared."
    assert PatreonAccount.objects.get().needs_reconnect


def test_an_app_with_a_provider_id_of_its_own_is_found(app: SocialApp) -> None:
    SocialApp.objects.update(provider_id="patreon-eu")
    token_by_hand(account_by_hand("bo", "2", provider="patreon-eu"), app=app)
    assert summary(adopt()) == "1 adopted, 0 already, 0 skipped, 1 cleared."


def test_two_users_with_one_identity_are_left_for_the_operator(app: SocialApp) -> None:
    SocialApp.objects.update(provider_id="patreon-eu")
    for name, provider in (("bo", "patreon"), ("cy", "patreon-eu")):
        token_by_hand(account_by_hand(name, "2", provider=provider))
    assert skipped().count("skipped: this Patreon account signs in as the users with the keys") == 2
    assert not PatreonAccount.objects.exists()
    assert SocialToken.objects.filter(token_secret="refresh-2").count() == 2


def test_an_identity_that_signs_in_as_another_user_is_left_alone(app: SocialApp) -> None:
    token_by_hand(account_by_hand("bo", "2"))
    other = User.objects.create_user("other")
    UserSocialAuth.objects.create(user=other, provider="patreon", uid="2", id_key="id")
    assert "signs in as the users with the keys" in skipped()
    assert UserSocialAuth.objects.get().user == other


def test_a_user_with_another_identity_in_social_auth_is_left_for_the_operator(
    app: SocialApp,
) -> None:
    user = account_by_hand("bo", "2").user
    UserSocialAuth.objects.create(user=user, provider="patreon", uid="3", id_key="id")
    assert "the user has the Patreon accounts 2, 3, and can keep one" in skipped()
