"""An account follows social-auth's association: deleted with it, moved with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from social_django.models import UserSocialAuth

from django_patreon import access, tokens
from django_patreon.models import Membership, PatreonAccount
from django_patreon.sandbox.ids import GOLD
from django_patreon.sign_in.associations import AccountTaken
from django_patreon.signals import account_linked, account_unlinked
from tests.dance import Dance

User = get_user_model()
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def mapping(settings: Any) -> None:
    settings.PATREON = {"TIERS": {"gold": GOLD}, "TIER_GROUPS": {"gold": ["golden"]}}


@pytest.fixture
def older() -> Any:
    return User.objects.create_user("older", password="x")


@pytest.fixture
def operator() -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("operator", password="x"))
    return client


@pytest.fixture
def heard() -> Iterator[list[tuple[str, str, bool]]]:
    news: list[tuple[str, str, bool]] = []

    def linked(account: Any, user: Any, **kwargs: Any) -> None:
        assert account.user == user
        news.append(("linked", user.username, connection.in_atomic_block))

    def unlinked(patreon_id: str, user: Any, **kwargs: Any) -> None:
        news.append(("unlinked", user.username, connection.in_atomic_block))

    account_linked.connect(linked)
    account_unlinked.connect(unlinked)
    yield news
    account_linked.disconnect(linked)
    account_unlinked.disconnect(unlinked)


def edit(operator: Client, **changes: Any) -> Any:
    """Save the form of the only association in social-auth's admin, with these changes."""
    row = UserSocialAuth.objects.get(provider="patreon")
    form = {"user": row.user_id, "provider": row.provider, "id_key": row.id_key, "uid": row.uid}
    address = reverse("admin:social_django_usersocialauth_change", args=[row.pk])
    return operator.post(address, {**form, "extra_data": "{}", **changes})


def test_an_account_moves_with_its_association_in_social_auths_admin(
    dance: Dance, operator: Client, older: Any, heard: list[Any]
) -> None:
    dance.sign_in("gold")
    newer = dance.user
    heard.clear()
    assert edit(operator, user=older.pk).status_code == 302
    account = PatreonAccount.objects.get()
    assert account.user == older
    assert Membership.objects.get(account=account).full_name == "Alma Reyes"
    assert tokens.access_token(account)
    assert heard == [("unlinked", "AlmaReyes", False), ("linked", "older", False)]
    assert access.check(older, tier="gold").allowed
    assert not access.check(newer, tier="gold").allowed
    assert older.groups.exists()
    assert not newer.groups.exists()
    dance.client.logout()
    assert dance.sign_in("gold").status_code == 302
    assert dance.user == older


def test_the_association_moves_in_the_database_and_the_account_at_the_next_sign_in(
    dance: Dance, older: Any, heard: list[Any]
) -> None:
    """Django sends no signal for `update()`."""
    dance.sign_in("gold")
    newer = dance.user
    heard.clear()
    UserSocialAuth.objects.update(user=older)
    dance.client.logout()
    assert dance.sign_in("gold").status_code == 302
    assert dance.user == older
    assert PatreonAccount.objects.get().user == older
    assert not newer.groups.exists()
    assert heard == [("unlinked", "AlmaReyes", False), ("linked", "older", False)]


def test_an_association_is_not_moved_to_somebody_with_another_patreon_account(
    dance: Dance, operator: Client
) -> None:
    dance.sign_in("silver")
    other = dance.user
    dance.client.logout()
    dance.sign_in("gold")
    mine = UserSocialAuth.objects.get(user=dance.user)
    mine.user = other
    with pytest.raises(AccountTaken, match="Disconnect that one first"):
        mine.save()
    mine.refresh_from_db()
    assert mine.user == dance.user  # nothing is written
    UserSocialAuth.objects.filter(user=other).delete()
    PatreonAccount.objects.create(user=other, patreon_id="1")
    form = edit(operator, user=other.pk)
    assert form.status_code == 302
    assert "Disconnect that one first" in operator.get(form["Location"]).content.decode()
    assert UserSocialAuth.objects.get().user == dance.user
    assert PatreonAccount.objects.get(user=dance.user).patreon_id == mine.uid
    # Moved in the database, where nobody asks us: refused with a page at the next sign-in.
    UserSocialAuth.objects.update(user=other)
    dance.client.logout()
    refused = dance.sign_in("gold")
    assert refused.status_code == 409
    assert "already connected to a different Patreon account" in refused.content.decode()


@pytest.mark.parametrize("change", [{"uid": "12345"}, {"provider": "google"}])
def test_an_account_whose_association_is_made_anothers_is_deleted(
    dance: Dance, operator: Client, heard: list[Any], change: dict[str, str]
) -> None:
    dance.sign_in("gold")
    heard.clear()
    assert edit(operator, **change).status_code == 302
    assert not PatreonAccount.objects.exists()
    assert heard == [("unlinked", "AlmaReyes", False)]


def test_an_account_is_deleted_with_its_association_in_social_auths_admin(
    dance: Dance, operator: Client, heard: list[Any]
) -> None:
    dance.sign_in("gold")
    heard.clear()
    row = UserSocialAuth.objects.get()
    address = reverse("admin:social_django_usersocialauth_delete", args=[row.pk])
    assert operator.post(address, {"post": "yes"}).status_code == 302
    assert not PatreonAccount.objects.exists()
    assert heard == [("unlinked", "AlmaReyes", False)]
    assert not dance.user.groups.exists()


def test_nothing_is_heard_of_a_move_that_is_rolled_back(
    dance: Dance, older: Any, heard: list[Any]
) -> None:
    dance.sign_in("gold")
    heard.clear()
    with transaction.atomic():
        row = UserSocialAuth.objects.get()
        row.user = older
        row.save()
        transaction.set_rollback(True)
    assert heard == []
    assert PatreonAccount.objects.get().user == dance.user


def test_saving_an_association_as_it_is_costs_nothing(dance: Dance) -> None:
    dance.sign_in("gold")
    row = UserSocialAuth.objects.get()
    with CaptureQueriesContext(connection) as asked:
        row.save()
    assert not [each for each in asked if "django_patreon" in each["sql"]]


def test_an_association_of_another_provider_is_nothing_to_us(dance: Dance, older: Any) -> None:
    dance.sign_in("gold")
    uid = UserSocialAuth.objects.get().uid
    row = UserSocialAuth.objects.create(user=dance.user, provider="google", uid=uid)
    row.user = older
    row.save()
    row.delete()
    assert PatreonAccount.objects.get().user == dance.user
