"""A card is declined: how long the gates stay open, and from when that is counted.

Patreon may say `declined_patron` while the last charge it tells of is still the one that succeeded.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from django_patreon.access import check
from django_patreon.entitlement import Reason
from django_patreon.models import Membership, Tier
from django_patreon.sandbox.ids import GOLD
from django_patreon.sandbox.world.models import Member as SandboxMember
from django_patreon.sync import sync_account
from tests.dance import Dance
from tests.gates.models import Story
from tests.sync.test_memberships import at_patreon, mine, tell
from tests.test_why import why

DAY = timedelta(days=1)
WEEK = 7 * DAY


def days_ago(count: int) -> datetime:
    """As Patreon writes it, to the second."""
    return (timezone.now() - count * DAY).replace(microsecond=0)


def decline(dance: Dance, **others: Any) -> SandboxMember:
    """Let the card of "gold" be declined at Patreon; the last charge is "Paid" unless told."""
    there = at_patreon(dance, "gold")
    paid = {"last_charge_status": "Paid", "last_charge_date": days_ago(31)}
    for name, value in ({"patron_status": "declined_patron"} | paid | others).items():
        setattr(there, name, value)
    return there


def read_again(dance: Dance) -> Membership:
    sync_account(dance.user.patreon_account)
    return mine(dance)


class TestWhileTheLastChargeIsStillPaid:
    @pytest.mark.parametrize("is_listed", [True, False])
    def test_the_grace_begins_at_the_sign_in_that_says_so(
        self, dance: Dance, time_machine_at, is_listed: bool
    ) -> None:
        dance.sign_in("gold")
        dance.client.logout()
        there = decline(dance)
        if not is_listed:
            there.tier_ids, there.currently_entitled_amount_cents = [], 0
        dance.sign_in("gold")
        assert dance.client.get("/gates/decorator/gold/").status_code == 200
        decision = check(dance.user, tier=GOLD)
        assert decision.reason is Reason.DECLINED_GRACE
        assert decision.until == mine(dance).fetched_at + WEEK
        time_machine_at(days=6, hours=23)
        dance.sign_in("gold")
        assert check(dance.user, tier=GOLD).until == decision.until
        time_machine_at(hours=2)
        dance.sign_in("gold")
        assert check(dance.user, tier=GOLD).reason is Reason.DECLINED
        assert dance.client.get("/gates/decorator/gold/").status_code == 403

    def test_of_whom_nothing_is_listed_at_a_first_sign_in_any_support_counts(
        self, dance: Dance, time_machine_at
    ) -> None:
        decline(dance, tier_ids=[], currently_entitled_amount_cents=0)
        dance.sign_in("gold")
        assert check(dance.user).reason is Reason.DECLINED_GRACE
        assert check(dance.user, tier=GOLD).reason is Reason.OTHER_TIER
        time_machine_at(days=7, hours=1)
        dance.sign_in("gold")
        assert check(dance.user).reason is Reason.DECLINED

    def test_who_joins_with_an_empty_card_and_never_paid_has_none(self, dance: Dance) -> None:
        decline(
            dance,
            tier_ids=[],
            currently_entitled_amount_cents=0,
            campaign_lifetime_support_cents=0,
            last_charge_status=None,
            last_charge_date=None,
        )
        dance.sign_in("gold")
        assert check(dance.user).reason is Reason.DECLINED

    def test_rows_are_seen_for_as_long(self, dance: Dance, time_machine_at) -> None:
        decline(dance)
        dance.sign_in("gold")
        story = Story.objects.create(title="x", required_tier=Tier.objects.get(patreon_id=GOLD))
        assert [*Story.objects.visible_to(dance.user)] == [story]
        assert story.decision_for(dance.user)
        time_machine_at(days=7, hours=1)
        assert not Story.objects.visible_to(dance.user).exists()
        assert not story.decision_for(dance.user)

    @pytest.mark.parametrize("use_tz", [True, False])
    def test_a_site_without_time_zones_counts_the_same(
        self, dance: Dance, settings, time_machine_at, use_tz: bool
    ) -> None:
        settings.USE_TZ, settings.TIME_ZONE = use_tz, "UTC"
        decline(dance)
        dance.sign_in("gold")
        time_machine_at(days=6, hours=23)
        assert check(dance.user, tier=GOLD)
        dance.sign_in("gold")
        time_machine_at(hours=2)
        assert check(dance.user, tier=GOLD).reason is Reason.DECLINED


class TestFromWhen:
    def test_hearing_of_it_twice_extends_nothing(self, dance: Dance, time_machine_at) -> None:
        decline(dance)
        dance.sign_in("gold")
        first = mine(dance)
        assert first.declined_since == first.fetched_at
        for status in ("Paid", "Pending", "Other", None, "Paid"):
            time_machine_at(days=1)
            at_patreon(dance, "gold").last_charge_status = status
            assert read_again(dance).declined_since == first.declined_since

    def test_the_date_of_the_declined_charge_counts_where_there_is_one(self, dance: Dance) -> None:
        charged = days_ago(5)
        decline(dance, last_charge_status="Declined", last_charge_date=charged)
        dance.sign_in("gold")
        assert mine(dance).declined_since == charged
        assert check(dance.user).until == charged + WEEK

    def test_also_where_patreon_tells_of_it_later(self, dance: Dance) -> None:
        decline(dance)
        dance.sign_in("gold")
        charged = days_ago(5)
        decline(dance, last_charge_status="Declined", last_charge_date=charged)
        assert read_again(dance).declined_since == charged

    def test_another_try_of_the_charge_does_not_begin_it_anew(
        self, dance: Dance, time_machine_at
    ) -> None:
        charged = days_ago(5)
        decline(dance, last_charge_status="Declined", last_charge_date=charged)
        dance.sign_in("gold")
        time_machine_at(days=1)
        decline(dance, last_charge_status="Declined", last_charge_date=timezone.now())
        assert read_again(dance).declined_since == charged
        time_machine_at(days=2)
        assert check(dance.user).reason is Reason.DECLINED

    @pytest.mark.parametrize("status", ["active_patron", "declined_patron"])
    def test_a_charge_without_a_date_counts_from_when_we_heard_of_it(
        self, dance: Dance, time_machine_at, status: str
    ) -> None:
        declined = {"last_charge_status": "Declined", "last_charge_date": None}
        decline(dance, patron_status=status, **declined)
        dance.sign_in("gold")
        assert check(dance.user).until == mine(dance).fetched_at + WEEK
        time_machine_at(days=7, hours=1)
        read_again(dance)
        assert check(dance.user).reason is Reason.DECLINED

    def test_a_charge_in_the_future_begins_no_later_than_the_reading(self, dance: Dance) -> None:
        ahead = timezone.now() + 20 * DAY
        decline(dance, last_charge_status="Declined", last_charge_date=ahead)
        dance.sign_in("gold")
        assert mine(dance).declined_since == mine(dance).fetched_at

    def test_a_card_that_is_mended_and_declines_again_has_a_new_grace(
        self, dance: Dance, time_machine_at
    ) -> None:
        decline(dance)
        dance.sign_in("gold")
        time_machine_at(days=3)
        at_patreon(dance, "gold").patron_status = "active_patron"
        assert read_again(dance).declined_since is None
        time_machine_at(days=30)
        decline(dance)
        dance.sign_in("gold")
        again = mine(dance)
        assert again.declined_since == again.fetched_at
        assert check(dance.user).reason is Reason.DECLINED_GRACE

    @pytest.mark.parametrize("sign", ["given in all", "charged"])
    def test_also_when_nobody_looked_while_it_was_mended(
        self, dance: Dance, time_machine_at, sign: str
    ) -> None:
        """What they have given in all has grown, or there is a newer charge that succeeded."""
        first = decline(dance)
        dance.sign_in("gold")
        time_machine_at(days=30)
        paid_at = days_ago(20)
        if sign == "charged":
            decline(dance, last_charge_date=paid_at)
        else:
            more = first.campaign_lifetime_support_cents + 1000
            decline(dance, last_charge_date=None, campaign_lifetime_support_cents=more)
        dance.sign_in("gold")
        again = mine(dance)
        assert again.declined_since == again.fetched_at
        assert check(dance.user).reason is Reason.DECLINED_GRACE

    def test_older_news_neither_moves_nor_clears_it(self, dance: Dance) -> None:
        decline(dance)
        dance.sign_in("gold")
        row = mine(dance)
        for status in ("declined_patron", "active_patron"):
            tell(row, fetched_at=row.fetched_at - DAY, patron_status=status)
            assert mine(dance).declined_since == row.declined_since

    def test_a_membership_that_patreon_no_longer_lists_keeps_it(
        self, dance: Dance, time_machine_at
    ) -> None:
        decline(dance)
        dance.sign_in("gold")
        row = mine(dance)
        time_machine_at(days=1)
        dance.sandbox.world.members.clear()
        assert read_again(dance).declined_since == row.declined_since


class TestARowFromBeforeItWasNoted:
    """Rows that an older version has written do not say since when."""

    def test_counts_from_its_reading_and_closes_after_the_grace(
        self, dance: Dance, time_machine_at
    ) -> None:
        decline(dance)
        dance.sign_in("gold")
        Membership.objects.update(declined_since=None)
        assert check(dance.user).until == mine(dance).fetched_at + WEEK
        time_machine_at(days=7, hours=1)
        assert check(dance.user).reason is Reason.DECLINED

    def test_counts_from_there_also_when_it_is_read_again(
        self, dance: Dance, time_machine_at
    ) -> None:
        decline(dance)
        dance.sign_in("gold")
        Membership.objects.update(declined_since=None)
        before = mine(dance).fetched_at
        time_machine_at(days=3)
        assert read_again(dance).declined_since == before

    def test_counts_from_the_charge_if_that_one_declined(self, dance: Dance) -> None:
        charged = days_ago(5)
        decline(dance, last_charge_status="Declined", last_charge_date=charged)
        dance.sign_in("gold")
        Membership.objects.update(declined_since=None)
        assert check(dance.user).until == charged + WEEK


def test_operators_read_since_when(dance: Dance) -> None:
    decline(dance)
    dance.sign_in("gold")
    row = mine(dance)
    since = f"{timezone.localtime(row.declined_since):%Y-%m-%d %H:%M}"
    assert f"declined since {since}" in why(dance.user.username, tier=GOLD)
    operator = Client()
    operator.force_login(get_user_model().objects.create_superuser("operator", password="x"))
    page = operator.get(f"/admin/django_patreon/membership/{row.pk}/change/").content.decode()
    assert "Declined since:" in page
