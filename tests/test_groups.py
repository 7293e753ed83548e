"""`TIER_GROUPS`: Django groups that follow the tiers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Model
from django.db.models.signals import m2m_changed
from django.dispatch import Signal
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_patreon import tokens
from django_patreon.exceptions import ReconnectRequired
from django_patreon.groups import keep
from django_patreon.models import Campaign, Grant, Membership, PatreonAccount, Tier
from django_patreon.resources import Member
from django_patreon.sandbox.ids import GOLD, SILVER
from django_patreon.signals import account_linked, membership_changed
from django_patreon.sync import save_member, sync_account
from tests.sync.test_memberships import at_patreon

from .dance import Dance

User = get_user_model()
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def mapping(settings) -> None:
    settings.PATREON = {
        "TIERS": {"gold": GOLD, "silver": SILVER},
        "TIER_GROUPS": {"gold": ["supporters", "golden"], "silver": ["supporters"]},
    }


def groups(user: Any) -> set[str]:
    return set(user.groups.values_list("name", flat=True))


def test_a_sign_in_brings_the_groups_of_the_tier(dance: Dance) -> None:
    dance.sign_in("gold")
    assert groups(dance.user) == {"supporters", "golden"}


def test_permissions_of_the_group_work(dance: Dance) -> None:
    permission = Permission.objects.get(codename="view_session")
    Group.objects.create(name="supporters").permissions.add(permission)
    dance.sign_in("silver")
    assert dance.user.has_perm("sessions.view_session")


def test_every_change_is_followed(dance: Dance) -> None:
    dance.sign_in("gold")
    at_patreon(dance, "gold").tier_ids = [SILVER]
    sync_account(dance.user.patreon_account)
    assert groups(dance.user) == {"supporters"}


@pytest.mark.parametrize("signal", [account_linked, membership_changed])
def test_a_receiver_of_the_sites_own_that_fails_keeps_nobody_out(
    dance: Dance, signal: Signal, caplog: Any
) -> None:
    def fail(**kwargs: Any) -> None:
        raise RuntimeError("a bug of the site's")

    others, signal.receivers = signal.receivers, []
    signal.connect(fail)
    signal.receivers += others
    try:
        assert dance.sign_in("gold").status_code == 302
    finally:
        signal.disconnect(fail)
    assert groups(dance.user) == {"supporters", "golden"}
    assert "a bug of the site's" in caplog.text


@pytest.fixture
def trouble(db: None) -> Iterator[set[str]]:
    """A receiver of the site's own that fails for the users who are named in it."""
    names: set[str] = set()

    def fail(instance: Any, **kwargs: Any) -> None:
        if getattr(instance, "username", "") in names:
            raise RuntimeError("a bug of the site's")

    m2m_changed.connect(fail, sender=User.groups.through)
    yield names
    m2m_changed.disconnect(fail, sender=User.groups.through)


def test_groups_that_cannot_be_kept_keep_nobody_out(
    dance: Dance, trouble: set[str], caplog: Any
) -> None:
    dance.sign_in("gold")
    dance.client.logout()
    dance_user = User.objects.get()
    dance_user.groups.clear()
    trouble.add(dance_user.username)
    dance.sign_in("gold")
    assert dance.user == dance_user
    assert f"The groups of user {dance_user.pk} could not be kept" in caplog.text


def test_one_who_cannot_be_kept_does_not_stop_the_others(
    dance: Dance, trouble: set[str], caplog: Any
) -> None:
    for slug in ("gold", "silver", "bronze"):
        dance.sign_in(slug)
        dance.client.logout()
    for user in User.objects.all():
        user.groups.clear()
    gold = User.objects.order_by("pk")[0]
    trouble.add(gold.username)
    out = io.StringIO()
    call_command("patreon_groups", stdout=out)
    assert [groups(user) for user in User.objects.order_by("pk")] == [set(), {"supporters"}, set()]
    assert "1 users changed" in out.getvalue()
    assert "could not be kept" in caplog.text


def test_a_lost_connection_takes_them_when_what_is_known_is_too_old(
    dance: Dance, time_machine_at: Any
) -> None:
    dance.sign_in("gold")
    user = dance.user
    dance.sandbox.tokens.kill()
    with pytest.raises(ReconnectRequired):
        tokens.refresh(user.patreon_account)
    assert groups(user) == {"supporters", "golden"}
    time_machine_at(days=15)
    call_command("patreon_groups", stdout=io.StringIO())
    assert groups(user) == set()
    dance.sign_in("gold")
    assert groups(user) == {"supporters", "golden"}


def test_a_membership_that_moves_takes_them_along(dance: Dance) -> None:
    for slug in ("stranger", "gold"):
        dance.sign_in(slug)
        user = dance.user
        dance.client.logout()
    row = Membership.objects.get(account=user.patreon_account)
    other = PatreonAccount.objects.exclude(user=user).get()
    save_member(
        Member(
            id=row.patreon_id,
            user_id=other.patreon_id,
            tier_ids=(GOLD,),
            patron_status="active_patron",
            currently_entitled_amount_cents=1000,
        ),
        campaign=row.campaign,
        tiers={},
        fetched_at=timezone.now(),
    )
    assert groups(user) == set()
    assert groups(other.user) == {"supporters", "golden"}


def test_a_pass_for_a_tier_of_any_campaign_brings_them(dance: Dance, settings) -> None:
    """Also of one that is not among those whose tiers come along with every gate."""
    dance.sign_in("stranger")
    elsewhere = Campaign.objects.create(patreon_id="8", fetched_at=timezone.now())
    tier = elsewhere.tiers.create(patreon_id="88", amount_cents=500, fetched_at=timezone.now())
    settings.PATREON = {"TIERS": {"theirs": "88"}, "TIER_GROUPS": {"theirs": ["friends"]}}
    Grant.objects.give(dance.user, tier=tier)
    assert groups(dance.user) == {"friends"}


def test_who_was_put_into_one_by_hand_is_taken_out(db: None) -> None:
    user = User.objects.create_user("writer", password="x")
    user.groups.add(Group.objects.create(name="supporters"), Group.objects.create(name="editors"))
    Client().login(username="writer", password="x")
    assert groups(user) == {"editors"}


def test_only_its_own_groups_are_touched(dance: Dance) -> None:
    dance.sign_in("gold")
    dance.user.groups.add(Group.objects.create(name="editors"))
    at_patreon(dance, "gold").tier_ids = []
    at_patreon(dance, "gold").last_charge_status = "Refunded"
    at_patreon(dance, "gold").currently_entitled_amount_cents = 0
    sync_account(dance.user.patreon_account)
    assert groups(dance.user) == {"editors"}


def test_unlinking_ends_them_at_once(dance: Dance) -> None:
    dance.sign_in("gold")
    user = dance.user
    user.set_password("x")
    user.save()
    dance.client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    dance.client.post("/patreon/unlink/")
    assert not hasattr(User.objects.get(pk=user.pk), "patreon_account")
    assert groups(user) == set()


def test_a_pass_brings_them_and_its_end_takes_them(dance: Dance, time_machine_at) -> None:
    dance.sign_in("gold")
    writer = User.objects.create_user("writer")
    tier = Tier.objects.get(patreon_id=GOLD)
    Grant.objects.give(writer, tier=tier, until=timezone.now() + timedelta(hours=1))
    assert groups(writer) == {"supporters", "golden"}
    time_machine_at(hours=2)
    out = io.StringIO()
    call_command("patreon_groups", dry_run=True, stdout=out)
    assert "writer: -golden -supporters" in out.getvalue()
    assert groups(writer) == {"supporters", "golden"}
    call_command("patreon_groups", stdout=out)
    assert groups(writer) == set()
    assert "1 users changed" in out.getvalue()


def test_revoking_takes_them_at_once(dance: Dance) -> None:
    dance.sign_in("gold")
    writer = User.objects.create_user("writer")
    grant = Grant.objects.give(writer, tier=Tier.objects.get(patreon_id=SILVER))
    grant.revoke()
    assert groups(writer) == set()


@pytest.mark.parametrize("what", [Membership, Campaign, Tier])
def test_what_is_deleted_takes_them_as_soon_as_it_is_certain(
    dance: Dance, what: type[Model]
) -> None:
    users = []
    for slug in ("gold", "silver"):
        dance.sign_in(slug)
        users.append(dance.user)
        dance.client.logout()
    gold, silver = users
    with transaction.atomic():
        what._default_manager.all().delete()
        assert groups(gold) == {"supporters", "golden"}
    assert groups(gold) == groups(silver) == set()


def test_one_row_that_is_deleted_takes_only_its_own(dance: Dance) -> None:
    for slug in ("gold", "silver"):
        dance.sign_in(slug)
        dance.client.logout()
    Tier.objects.get(patreon_id=GOLD).delete()
    gold, silver = User.objects.order_by("pk")
    assert (groups(gold), groups(silver)) == (set(), {"supporters"})
    Membership.objects.get(account__user=silver).delete()
    assert groups(silver) == set()


def test_each_holder_is_looked_at_once_however_much_is_deleted(dance: Dance) -> None:
    asked, table = [], connection.ops.quote_name("auth_user")
    for slug in ("gold", "two-tiers"):
        dance.sign_in(slug)
        with CaptureQueriesContext(connection) as found:
            Campaign.objects.all().delete()
        asked.append(sum(f"FROM {table}" in each["sql"] for each in found))
        dance.client.logout()
    assert asked == [1, 1]


def test_what_is_deleted_of_nobody_here_is_no_trouble(dance: Dance) -> None:
    dance.sign_in("gold")
    user = dance.user
    with transaction.atomic():
        Membership.objects.all().delete()
        PatreonAccount.objects.all().delete()
    assert groups(user) == set()
    dance.sign_in("gold")
    Membership.objects.update(account=None)
    Membership.objects.all().delete()
    assert not Membership.objects.exists()


def test_what_is_not_deleted_after_all_takes_nothing(dance: Dance) -> None:
    dance.sign_in("gold")
    with transaction.atomic():
        Membership.objects.all().delete()
        transaction.set_rollback(True)
    assert groups(dance.user) == {"supporters", "golden"}


def test_a_tier_that_the_setting_forgets_takes_the_groups_that_others_still_have(
    dance: Dance, settings
) -> None:
    dance.sign_in("gold")
    settings.PATREON = {"TIERS": {"silver": SILVER}, "TIER_GROUPS": {"silver": ["supporters"]}}
    call_command("patreon_groups", stdout=io.StringIO())
    assert groups(dance.user) == {"golden"}, "nobody knows any more that it was ours"


def test_old_news_ends_them(dance: Dance, time_machine_at) -> None:
    dance.sign_in("gold")
    user = dance.user
    time_machine_at(days=20)
    call_command("patreon_groups", stdout=io.StringIO())
    assert groups(user) == set()


def test_staff_are_in_no_group_for_being_staff(db: None) -> None:
    staff = User.objects.create_superuser("staff")
    assert keep(staff) == (set(), set())


def test_deleting_a_user_is_no_trouble(dance: Dance) -> None:
    dance.sign_in("gold")
    User.objects.all().delete()
    assert Membership.objects.get().account is None


def test_without_the_setting_nothing_is_asked(
    dance: Dance, settings, django_assert_num_queries
) -> None:
    settings.PATREON = {}
    dance.sign_in("gold")
    assert groups(dance.user) == set()
    user = dance.user
    with django_assert_num_queries(0):
        keep(user)
