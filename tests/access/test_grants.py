"""Passes and bans by hand: given, revoked, kept; no news from Patreon undoes them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from django_patreon.access import check
from django_patreon.entitlement import Reason
from django_patreon.models import Campaign, Grant, Tier
from django_patreon.sandbox.ids import FOREIGN, GOLD, SILVER
from django_patreon.sync import sync_account
from tests.dance import Dance

User = get_user_model()
LIST = "/admin/django_patreon/grant/"


@pytest.fixture
def gold(dance: Dance) -> Tier:
    """A tier that is known, and somebody who follows for free."""
    dance.sign_in("gold")
    dance.client.logout()
    dance.sign_in("free")
    return Tier.objects.get(patreon_id=GOLD)


@pytest.fixture
def operator(db: None) -> Client:
    client = Client()
    user = User.objects.create_superuser("operator", password="x")
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def test_no_news_undoes_a_pass_or_a_ban(dance: Dance, gold: Tier) -> None:
    user = dance.user
    Grant.objects.give(user, tier=gold, reason="a prize")
    sync_account(user.patreon_account)
    dance.sign_in("free")
    assert check(user, tier=GOLD).reason is Reason.GRANTED
    Grant.objects.deny(user)
    sync_account(user.patreon_account)
    assert check(user, tier=GOLD).reason is Reason.DENIED


def test_a_pass_needs_no_patreon_at_all(gold: Tier) -> None:
    user = User.objects.create_user("writer")
    Grant.objects.give(user, tier=gold)
    assert check(user, at_least=SILVER)
    assert not check(user, campaign=FOREIGN)


def test_a_pass_begins_and_ends(gold: Tier, time_machine_at) -> None:
    user, now = User.objects.create_user("writer"), timezone.now()
    Grant.objects.give(
        user, cents=500, starts_at=now + timedelta(hours=1), until=now + timedelta(hours=2)
    )
    assert check(user).until == now + timedelta(hours=1)
    time_machine_at(minutes=61)
    assert check(user, cents=500)
    time_machine_at(minutes=121)
    assert not check(user)


def test_what_is_revoked_is_over_and_kept(gold: Tier) -> None:
    user, chief = User.objects.create_user("writer"), User.objects.create_user("chief")
    later = timezone.now() + timedelta(days=9)
    for starts_at in (None, later):
        grant = Grant.objects.give(user, tier=gold, starts_at=starts_at, by=chief)
        began = grant.starts_at
        grant.revoke(by=chief)
        grant.refresh_from_db()
        assert (grant.given_by, grant.revoked_by) == (chief, chief)
        assert grant.starts_at == began
        assert grant.until == max(grant.revoked_at, began)
        assert not check(user)
        assert check(user).until is None
        ended = grant.until
        grant.revoke()
        assert (grant.until, grant.revoked_by) == (ended, chief)
    assert not check(user)
    assert Grant.objects.count() == 2
    assert not Grant.objects.in_force().exists()


def test_the_end_that_was_given_is_kept_when_it_is_revoked(gold: Tier) -> None:
    user, chief = User.objects.create_user("writer"), User.objects.create_user("chief")
    given = timezone.now() + timedelta(days=30)
    for until in (given, None):
        grant = Grant.objects.give(user, tier=gold, until=until)
        assert grant.given_until is None
        assert grant.revoke(by=chief)
        grant.refresh_from_db()
        assert (grant.given_until, grant.until) == (until, grant.revoked_at)


def test_moments_without_a_zone_are_the_sites(gold: Tier) -> None:
    user = User.objects.create_user("writer")
    given = datetime(2030, 1, 1)
    grant = Grant.objects.give(user, tier=gold, until=given)
    assert grant.until == timezone.make_aware(given)
    assert Grant.objects.deny(
        user, starts_at=given, until=timezone.make_aware(given) + timedelta(days=1)
    )


def test_what_is_gone_is_not_revoked(gold: Tier) -> None:
    grant = Grant.objects.give(User.objects.create_user("writer"), tier=gold)
    Grant.objects.all().delete()
    assert not grant.revoke()


class Replicas:
    """A site that reads from a copy of its database, which nothing can be written to."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"


def test_what_was_read_from_a_replica_is_revoked_where_it_is_written(
    gold: Tier, settings: Any
) -> None:
    grant = Grant.objects.give(User.objects.create_user("writer"), tier=gold)
    grant._state.db = "replica"
    settings.DATABASE_ROUTERS = [Replicas()]
    assert grant.revoke()
    assert Grant.objects.using("default").get().revoked_at


def test_who_comes_second_does_not_revoke_it_again(gold: Tier) -> None:
    user, chief = User.objects.create_user("writer"), User.objects.create_user("chief")
    Grant.objects.give(user, tier=gold, until=timezone.now() + timedelta(days=30))
    first, second = Grant.objects.get(), Grant.objects.get()
    assert first.revoke(by=chief)
    assert not second.revoke(by=user)
    assert (second.revoked_by, second.given_until) == (chief, first.given_until)


def test_a_ban_that_is_taken_back_before_it_begins_never_does(gold: Tier, time_machine_at) -> None:
    user = User.objects.create_user("writer")
    Grant.objects.give(user, tier=gold)
    ban = Grant.objects.deny(user, starts_at=timezone.now() + timedelta(days=2))
    assert check(user).until == ban.starts_at
    ban.revoke()
    assert check(user).until is None
    for days in (1, 2):
        time_machine_at(days=days)
        assert check(user)


@pytest.mark.parametrize("tier", ["gold", GOLD, int(GOLD)])
def test_a_pass_names_its_tier_as_rules_do(gold: Tier, settings, tier: object) -> None:
    settings.PATREON = {"TIERS": {"gold": GOLD}}
    user = User.objects.create_user("writer")
    assert Grant.objects.give(user, tier=tier, campaign=gold.campaign_id).tier == gold
    assert check(user, tier="gold")
    assert Grant.objects.deny(user, campaign=gold.campaign_id).campaign == gold.campaign
    for wrong in ({"tier": "Gold"}, {"tier": "12345"}, {"cents": 5, "campaign": "12345"}):
        with pytest.raises(ValidationError, match="Patreon has told us of no"):
            Grant.objects.give(user, **wrong)


def test_a_grant_says_what_it_is(gold: Tier) -> None:
    user, now = User.objects.create_user("writer"), timezone.now()
    foreign = Campaign.objects.create(patreon_id=FOREIGN, fetched_at=now)
    for wrong in (
        {},
        {"cents": 0},
        {"tier": gold, "campaign": foreign},
        {"cents": 5, "until": now - timedelta(days=1)},
        {"cents": 5, "starts_at": now, "until": now},
    ):
        with pytest.raises(ValidationError):
            Grant.objects.give(user, **wrong)
    for wrong in ({"deny": True, "cents": 5}, {}, {"deny": True, "tier": gold}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Grant.objects.create(user=user, **wrong)


class TestInTheAdmin:
    def give(self, operator: Client, **more: Any) -> Any:
        user = User.objects.create_user("writer")
        date, time = timezone.localtime().strftime("%Y-%m-%d %H:%M:%S").split()
        form = {"user": user.pk, "starts_at_0": date, "starts_at_1": time, "reason": "why not"}
        return user, operator.post(f"{LIST}add/", form | more)

    def test_a_pass_is_given_with_the_givers_name(self, gold: Tier, operator: Client) -> None:
        user, answer = self.give(operator, tier=gold.patreon_id)
        assert answer.status_code == 302, answer.content.decode()
        grant = Grant.objects.get()
        assert (grant.given_by.username, grant.reason) == ("operator", "why not")
        assert check(user, tier=GOLD)

    def test_tiers_of_one_title_are_told_apart(self, gold: Tier, operator: Client) -> None:
        page = operator.get(f"{LIST}add/").content.decode()
        assert ">Gold</option>" in page
        other = Campaign.objects.create(
            patreon_id="8", name="Elsewhere", fetched_at=gold.fetched_at
        )
        other.tiers.create(patreon_id="88", title="Gold", fetched_at=gold.fetched_at)
        page = operator.get(f"{LIST}add/").content.decode()
        for words in ("Gold (Lanternhouse)", "Gold (Elsewhere)"):
            assert f">{words}</option>" in page

    def test_users_are_found_by_name_where_the_admin_can_search_them(
        self, gold: Tier, operator: Client
    ) -> None:
        assert 'class="admin-autocomplete"' in operator.get(f"{LIST}add/").content.decode()
        users = site._registry.pop(User)
        try:
            page = operator.get(f"{LIST}add/").content.decode()
        finally:
            site._registry[User] = users
        assert "admin-autocomplete" not in page
        assert 'name="user"' in page

    def test_a_mistake_is_explained(self, gold: Tier, operator: Client) -> None:
        _, answer = self.give(operator)
        assert "A pass names a tier or an amount" in answer.content.decode()

    def test_it_is_revoked_and_stays(self, gold: Tier, operator: Client) -> None:
        user, _ = self.give(operator, cents=500)
        grant = Grant.objects.get()
        form = {"action": "revoke", "_selected_action": [grant.pk]}
        assert "1 grant is revoked." in operator.post(LIST, form, follow=True).content.decode()
        assert not check(user)
        assert Grant.objects.get().revoked_by.username == "operator"
        assert "until" in operator.get(f"{LIST}{grant.pk}/history/").content.decode().lower()
        assert "They were over already." in operator.post(LIST, form, follow=True).content.decode()
        assert LogEntry.objects.filter(action_flag=CHANGE).count() == 1, "it was over already"
        for what in ("change", "delete"):
            assert operator.post(f"{LIST}{grant.pk}/{what}/", {"post": "yes"}).status_code == 403

    def test_the_list_tells_what_is_in_force_from_what_is_revoked(
        self, gold: Tier, operator: Client
    ) -> None:
        user, now = User.objects.create_user("writer"), timezone.now()
        Grant.objects.give(user, tier=gold, reason="a prize")
        Grant.objects.give(user, tier=gold, starts_at=now + timedelta(days=1), reason="for later")
        given = Grant.objects.give(user, cents=5, until=now + timedelta(days=9), reason="a mistake")
        given.revoke(by=User.objects.get(username="operator"))
        for asked, reasons in (("1", ["a prize"]), ("0", ["for later", "a mistake"])):
            page = operator.get(f"{LIST}?in_force={asked}").content.decode()
            for reason in ("a prize", "for later", "a mistake"):
                assert (reason in page) == (reason in reasons)
        assert '<td class="field-revoked_by nowrap">operator</td>' in page
        page = operator.get(f"{LIST}{given.pk}/change/").content.decode()
        assert "End that was given" in page
        assert date_format(timezone.localtime(given.given_until), "DATETIME_FORMAT") in page

    def test_it_has_to_end_after_it_begins(self, gold: Tier, operator: Client) -> None:
        date, time = timezone.localtime().strftime("%Y-%m-%d %H:%M:%S").split()
        until = {"until_0": date, "until_1": time, "starts_at_0": date, "starts_at_1": time}
        _, answer = self.give(operator, cents=5, **until)
        assert answer.content.decode().count("It has to end after it begins.") == 1
        assert not Grant.objects.exists()

    def test_campaigns_and_memberships_are_to_read(
        self, gold: Tier, operator: Client, django_assert_max_num_queries
    ) -> None:
        for name, words in (("campaign", "Lanternhouse"), ("membership", "Freya Holm")):
            with django_assert_max_num_queries(10):
                page = operator.get(f"/admin/django_patreon/{name}/").content.decode()
            assert words in page
            assert operator.get(f"/admin/django_patreon/{name}/add/").status_code == 403
        page = operator.get(f"/admin/django_patreon/campaign/{gold.campaign.pk}/change/")
        assert "9100003" in page.content.decode()
        assert 'name="_save"' not in page.content.decode()
        assert operator.get(f"{LIST}?q=writer").status_code == 200


def test_the_list_of_an_operator_says_of_which_campaign_each_is(
    dance: Dance, admin_client: Client
) -> None:
    dance.sign_in("gold")
    other = Campaign.objects.create(patreon_id="8", name="Saltmarsh", fetched_at=timezone.now())
    for given in ({"cents": 100, "campaign": other}, {"tier": Tier.objects.get(patreon_id=GOLD)}):
        Grant.objects.give(dance.user, **given)
    Grant.objects.deny(dance.user)
    page = admin_client.get(LIST).content.decode()
    found = re.findall(r'<td class="field-its_campaign[^"]*">(.*?)</td>', page)
    assert [re.sub("<.*?>", "", each) for each in found] == ["-", "Lanternhouse", "Saltmarsh"]


def test_a_campaign_is_not_deleted_from_under_its_bans(gold: Tier) -> None:
    user = User.objects.create_user("writer")
    grant = Grant.objects.deny(user, campaign=gold.campaign)
    with pytest.raises(ProtectedError):
        gold.campaign.delete()
    assert Grant.objects.get() == grant
