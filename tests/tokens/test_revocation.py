"""Accounts that are deleted, by whatever way: their tokens are revoked, and nobody is held up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
import responses
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from social_django.models import UserSocialAuth

from django_patreon import tokens
from django_patreon.limits import current_gate
from django_patreon.models import Grant, Membership, PatreonAccount
from django_patreon.sandbox.ids import GOLD
from tests.dance import Dance

User = get_user_model()
pytestmark = pytest.mark.django_db(transaction=True)
REVOKE = "/api/oauth2/token/revoke"


def revoked(patreon: responses.RequestsMock) -> list[str]:
    """The tokens that Patreon was asked to revoke."""
    calls = [each.request for each in patreon.calls if each.request.url.endswith(REVOKE)]
    return [parse_qs(each.body)["token"][0] for each in calls]


def token_of(account: PatreonAccount) -> str:
    return str(PatreonAccount.objects.get(pk=account.pk).access_token.open())


def many(count: int) -> list[str]:
    """Make so many users with accounts; return their access tokens."""
    users = User.objects.bulk_create(User(username=f"user{n}") for n in range(count))
    PatreonAccount.objects.bulk_create(
        PatreonAccount(user=each, patreon_id=f"9{n}", access_token=f"token{n}", refresh_token="r")
        for n, each in enumerate(users)
    )
    return [f"token{n}" for n in range(count)]


@pytest.fixture
def alone(settings: Any) -> None:
    """Settings of this test's own: what it finds out about Patreon is forgotten with them."""
    settings.PATREON = {"RATE_LIMIT": "process"}


WAYS: dict[str, Callable[[], Any]] = {
    "a row": lambda: PatreonAccount.objects.get().delete(),
    "only the key": lambda: PatreonAccount.objects.only("id").get().delete(),
    "deferred tokens": lambda: (
        PatreonAccount.objects.defer("access_token", "refresh_token").get().delete()
    ),
    "a queryset": lambda: PatreonAccount.objects.all().delete(),
    "a queryset of keys": lambda: PatreonAccount.objects.only("id").delete(),
    "the user": lambda: User.objects.get().delete(),
    "only the user's key": lambda: User.objects.only("pk").get().delete(),
    "users": lambda: User.objects.all().delete(),
    "the association": lambda: UserSocialAuth.objects.get().delete(),
    "only the association's key": lambda: UserSocialAuth.objects.only("id").get().delete(),
    "associations": lambda: UserSocialAuth.objects.only("id").delete(),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_token_is_revoked_however_the_account_is_deleted(
    dance: Dance, patreon: responses.RequestsMock, settings: Any, way: str
) -> None:
    settings.PATREON = {"TIERS": {"gold": GOLD}, "TIER_GROUPS": {"gold": ["golden"]}}
    dance.sign_in("gold")
    user, token = dance.user, token_of(dance.user.patreon_account)
    assert user.groups.exists()
    WAYS[way]()
    assert not PatreonAccount.objects.exists()
    assert revoked(patreon) == [token]
    assert not user.groups.exists()


@pytest.mark.parametrize("model", [Grant, Membership])
def test_other_rows_are_deleted_with_columns_that_were_not_loaded(
    dance: Dance, settings: Any, model: Any
) -> None:
    settings.PATREON = {"TIERS": {"gold": GOLD}, "TIER_GROUPS": {"gold": ["golden"]}}
    dance.sign_in("gold")
    if model is Grant:
        dance.client.logout()
        dance.sign_in("stranger")
        Grant.objects.give(dance.user, tier="gold", reason="a prize", by=dance.user)
    assert dance.user.groups.exists()
    model.objects.only("id").get().delete()
    assert not dance.user.groups.exists()


def test_what_was_renewed_meanwhile_is_revoked_and_not_what_it_was(
    dance: Dance, patreon: responses.RequestsMock
) -> None:
    dance.sign_in("gold")
    held = PatreonAccount.objects.get()
    tokens.refresh(PatreonAccount.objects.get())
    newest = token_of(held)
    assert newest != held.access_token
    held.delete()
    assert revoked(patreon) == [newest]


def test_what_is_rolled_back_is_not_revoked(patreon: responses.RequestsMock) -> None:
    kept, gone, kept_too = many(3)
    with transaction.atomic():
        with transaction.atomic():
            PatreonAccount.objects.get(patreon_id="90").delete()
            transaction.set_rollback(True)
        PatreonAccount.objects.get(patreon_id="91").delete()
    with transaction.atomic():
        PatreonAccount.objects.get(patreon_id="92").delete()
        transaction.set_rollback(True)
    assert revoked(patreon) == [gone]
    assert {token_of(each) for each in PatreonAccount.objects.all()} == {kept, kept_too}


def test_all_users_of_a_transaction_are_revoked_after_it(patreon: responses.RequestsMock) -> None:
    given = many(60)
    with transaction.atomic():
        for each in User.objects.all():
            each.delete()
        assert not revoked(patreon)
    assert sorted(revoked(patreon)) == sorted(given)


@pytest.mark.parametrize("kind", ["http_404", "http_500_html", "timeout", "http_429"])
def test_a_patreon_that_revokes_nothing_is_asked_once_for_all(
    alone: None, dance: Dance, patreon: responses.RequestsMock, caplog: Any, kind: str
) -> None:
    many(60)
    dance.order(kind, path=REVOKE, times=None)
    User.objects.all().delete()
    assert len(revoked(patreon)) == 1
    said = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert len([each for each in said if "59 of 60 tokens" in each]) == 1
    assert "token5" not in caplog.text


def test_refused_revocations_do_not_close_the_site_for_sign_ins(
    alone: None, dance: Dance, patreon: responses.RequestsMock
) -> None:
    many(60)
    dance.order("http_400", path=REVOKE, times=None)
    User.objects.all().delete()
    assert len(revoked(patreon)) == 60
    assert current_gate() is not None
    assert dance.sign_in("gold").status_code == 302
    assert dance.user


def test_deleting_costs_no_query_per_account_for_its_token(dance: Dance) -> None:
    def cost(count: int) -> int:
        many(count)
        with CaptureQueriesContext(connection) as asked:
            PatreonAccount.objects.all().delete()
        User.objects.all().delete()
        return len(asked)

    assert cost(2) == cost(12)
