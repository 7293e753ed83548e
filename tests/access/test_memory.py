"""What a process keeps between requests is what it would find out and decide afresh."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.utils import timezone

from django_patreon.access import Patron, Rule, check, patron_of
from django_patreon.access.current import set_current_request
from django_patreon.access.loading import LONGEST_KEPT, load, read
from django_patreon.access.view_as import VIEW_AS, is_staff, may_view_as, pretended
from django_patreon.entitlement import Decision, Reason, decide
from django_patreon.models import Campaign, Grant, Membership, PatreonAccount, Tier
from django_patreon.moments import now
from django_patreon.sandbox.ids import GOLD, SILVER
from tests.dance import Dance

User = get_user_model()
TIERS = {"gold": GOLD, "silver": SILVER}
START = datetime(2026, 10, 20, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def nothing_kept(settings: Any) -> None:
    settings.PATREON = {"TIERS": TIERS}
    read.cache_clear()


class TestWhoSharesIt:
    """Everybody without an account has the same facts, and so the same memory."""

    def test_not_with_who_was_staff_a_moment_ago(self, dance: Dance, rf: Any) -> None:
        dance.sign_in("gold")
        request = rf.get("/")
        request.user = boss = User.objects.create_user("boss", is_staff=True)
        with set_current_request(request):
            assert check(boss).reason is Reason.STAFF
            boss.is_staff = False
            assert check(boss).reason is Reason.NOT_LINKED
        assert check(User.objects.create_user("stranger")).reason is Reason.NOT_LINKED

    def test_not_with_who_looked_at_the_site_as_somebody_else(self, dance: Dance, rf: Any) -> None:
        dance.sign_in("gold")
        request = rf.get("/")
        request.user = boss = User.objects.create_user("boss", is_staff=True)
        request.session = {VIEW_AS: GOLD}
        with set_current_request(request):
            assert check(boss, tier="gold").reason is Reason.PAID
            boss.is_staff = False
            assert not check(boss, tier="gold")
        assert not check(User.objects.create_user("stranger"), tier="gold")

    def test_who_signs_in_meanwhile_has_a_moment_of_their_own(
        self, dance: Dance, rf: Any, time_machine_at: Any
    ) -> None:
        dance.sign_in("gold")
        patron_to_be = dance.user
        request = rf.get("/")
        request.user = User.objects.create_user("somebody")
        patron = patron_of(request)
        assert not patron.check()
        time_machine_at(minutes=1)
        Grant.objects.deny(patron_to_be, reason="by another process")
        request.user = patron_to_be
        assert patron.check().reason is Reason.DENIED

    def test_long_answers_are_not_kept(self, dance: Dance) -> None:
        dance.sign_in("gold")
        campaign = Campaign.objects.get()
        Tier.objects.bulk_create(
            Tier(patreon_id=str(n), campaign=campaign, title="x" * 100, fetched_at=timezone.now())
            for n in range(LONGEST_KEPT // 100)
        )
        assert load(dance.user.pk) is not load(dance.user.pk)


class TestHowLong:
    def test_until_the_settings_change(self, dance: Dance, settings: Any) -> None:
        dance.sign_in("gold")
        user = dance.user
        Membership.objects.update(is_gifted=True)
        kept = Patron(user)
        assert kept.check()
        settings.PATREON = {"TIERS": TIERS, "COUNT_GIFTED": False}
        kept.check(cents=1)
        assert check(user, cents=1).reason is Reason.GIFT_NOT_COUNTED

    def test_until_it_ends(self, dance: Dance, time_machine_at: Any) -> None:
        dance.sign_in("gold")
        user = dance.user
        Membership.objects.get().tiers.clear()
        Membership.objects.update(
            currently_entitled_amount_cents=0,
            remembered=None,
            blank_since=None,
            next_charge_date=timezone.now() + timedelta(days=1),
        )
        assert check(user).reason is Reason.BLANK_GRACE
        time_machine_at(days=1, hours=1)
        assert check(user).reason is Reason.BLANK

    @pytest.mark.parametrize("zone", [BERLIN, None])
    def test_two_moments_of_one_hour_that_happens_twice_are_two(
        self, dance: Dance, settings: Any, zone: ZoneInfo | None
    ) -> None:
        settings.TIME_ZONE = "Europe/Berlin"
        dance.sign_in("gold")
        user = dance.user
        joined = datetime(2025, 10, 26, 1, 0, tzinfo=UTC)
        Membership.objects.update(pledge_relationship_start=joined)
        first = datetime(2025, 10, 26, 2, 30, tzinfo=zone)
        assert not check(user, since=first)
        assert check(user, since=first.replace(fold=1))
        assert not check(user, since=first)


def afresh(user: Any, rule: Rule, session: dict[str, str] | None) -> Decision:
    """Decide by the rule itself, as if nobody had asked before."""
    known = load(user.pk)
    campaign = known.default_campaign if rule.campaign_id is None else rule.campaign_id
    if session is not None and may_view_as(user):
        facts = pretended(known, campaign, session[VIEW_AS], now=now())
    else:
        facts = known.facts(campaign, now=now(), is_staff=is_staff(user))
    return decide(rule.requirement(known.prices_in(campaign), campaign), facts)


class Site:
    """A site on which everything changes all the time."""

    def __init__(self, seed: int, settings: Any) -> None:
        self.random = random.Random(seed)
        self.settings = settings
        self.users = [User.objects.create_user(f"user{n}") for n in range(6)]
        for n, user in enumerate(self.users[:5]):
            PatreonAccount.objects.create(user=user, patreon_id=str(n))
        self.campaigns = [
            Campaign.objects.create(patreon_id=key, is_ours=key == "1", fetched_at=timezone.now())
            for key in "123"
        ]
        self.tiers = [
            campaign.tiers.create(
                patreon_id=f"{campaign.patreon_id}{n}", amount_cents=cents, fetched_at=START
            )
            for campaign in self.campaigns
            for n, cents in enumerate((0, 300, 500, 1000, None))
        ]
        self.rules = [self.rule() for _ in range(25)]

    def some(self, *values: Any) -> Any:
        return self.random.choice(values)

    def moment(self, days: int) -> datetime:
        return timezone.now() + timedelta(hours=self.random.randint(-24 * days, 24 * days))

    def rule(self) -> Rule:
        tier, other = self.random.sample(self.tiers, 2)
        given = {
            "tier": self.some(tier, "gold", tier.patreon_id, ["gold", "silver"], [], [tier, other]),
            "at_least": self.some(tier, "gold", "nothing", tier.patreon_id),
            "cents": self.some(0, 1, 300, 301, 1000),
            "lifetime_cents": self.some(0, 300),
            "since": self.some(self.moment(40), datetime(2026, 10, 20, tzinfo=BERLIN)),
            "campaign": self.some("", "1", "2", self.campaigns[0], self.campaigns[2], "77"),
        }
        return Rule(**{k: v for k, v in given.items() if self.random.random() < 0.3})

    def change(self) -> None:
        what: Callable[[], object] = self.some(
            *[self.a_membership] * 4, self.the_policy, self.a_pass, self.a_campaign, self.a_tier,
            self.an_account, self.a_rule, self.somebody,
        )  # fmt: skip
        what()

    def a_membership(self) -> None:
        account = self.some(*PatreonAccount.objects.all())
        campaign = self.some(*self.campaigns)
        row, _ = Membership.objects.get_or_create(
            account=account,
            campaign=campaign,
            defaults={
                "patreon_id": f"m{account.patreon_id}-{campaign.patreon_id}",
                "patreon_user_id": account.patreon_id,
                "fetched_at": timezone.now(),
            },
        )
        row.fetched_at = timezone.now() - timedelta(days=self.some(0, 1, 13))
        row.patron_status = self.some(
            "active_patron", "active_patron", "declined_patron", "former_patron", None
        )
        row.last_charge_status = self.some(
            "Paid", "Paid", "Pending", "Declined", "Deleted", None, "Refunded", "Free Trial"
        )
        row.last_charge_date = self.some(None, self.moment(20))
        row.next_charge_date = self.some(None, self.moment(20))
        row.currently_entitled_amount_cents = self.some(None, 0, 300, 1200)
        row.campaign_lifetime_support_cents = self.some(None, 0, 300)
        row.pledge_cadence = self.some(1, 12, None)
        row.pledge_relationship_start = self.some(None, self.moment(40))
        row.is_gifted, row.is_free_trial = self.some(True, False, False), self.some(True, False)
        row.blank_since = self.some(None, self.moment(5))
        row.declined_since = self.some(None, self.moment(5))
        row.remembered = self.some(None, {"tiers": {"13": 1000}, "cents": 1000, "months": 1})
        row.save()
        tiers = [each for each in self.tiers if each.campaign_id == campaign.patreon_id]
        row.tiers.set(self.random.sample(tiers, self.some(0, 1, 2)))

    def the_policy(self) -> None:
        chosen = {"CAMPAIGN_ID": self.some(None, "1", "2", "77")}
        for name in ("COUNT_TRIAL", "COUNT_GIFTED", "COUNT_UNCHARGED", "STAFF_BYPASS"):
            chosen[name] = self.some(True, True, False)
        for name in ("DECLINED_GRACE", "BLANK_GRACE", "MAX_AGE"):
            chosen[name] = timedelta(days=self.some(0, 3, 30))
        chosen["TIERS"] = self.some({"gold": "13", "silver": "12"}, {"gold": "23", "silver": "11"})
        self.settings.PATREON = chosen

    def a_pass(self) -> None:
        if self.some(True, False):
            Grant.objects.all().delete()
            return
        starts = self.some(None, self.moment(5))
        until = self.some(None, (starts or timezone.now()) + timedelta(days=self.some(1, 5, 9)))
        give = self.some(Grant.objects.give, Grant.objects.give, Grant.objects.deny)
        worth = {"cents": 500} if give == Grant.objects.give else {}
        give(self.some(*self.users[:3]), starts_at=starts, until=until, reason="x", **worth)

    def a_campaign(self) -> None:
        Campaign.objects.filter(pk=self.some(*self.campaigns).pk).update(
            is_ours=self.some(True, False),
            creator=self.some(None, *PatreonAccount.objects.all()),
        )

    def a_tier(self) -> None:
        Tier.objects.filter(pk=self.some(*self.tiers).pk).update(
            amount_cents=self.some(None, 0, 300, 1000)
        )

    def an_account(self) -> None:
        account = self.some(*PatreonAccount.objects.all())
        PatreonAccount.objects.filter(pk=account.pk).update(
            state=self.some(*PatreonAccount.State.values)
        )

    def a_rule(self) -> None:
        self.rules[self.random.randrange(len(self.rules))] = self.rule()

    def somebody(self) -> None:
        User.objects.filter(pk=self.some(*self.users).pk).update(
            is_staff=self.some(True, False, False)
        )


@pytest.mark.parametrize("seed", range(2))
def test_whatever_changes_the_answer_is_the_rules(
    db: None, seed: int, settings: Any, rf: Any
) -> None:
    with time_machine.travel(START, tick=False) as clock:
        site = Site(seed, settings)
        allowed = 0
        for _ in range(1000):
            if site.random.random() < 0.25:
                site.change()
            if site.random.random() < 0.06:
                clock.move_to(START + timedelta(hours=site.random.randint(0, 24 * 25)))
            request = rf.get("/")
            request.user = User.objects.get(pk=site.some(*site.users).pk)
            session = site.some(None, None, {VIEW_AS: site.some("", "13", "23", "10")})
            if session is not None:
                request.session = session
            with set_current_request(request):
                for _ in range(site.random.randint(1, 5)):
                    if site.random.random() < 0.1:
                        request.user.is_staff = not request.user.is_staff
                    if site.random.random() < 0.1:
                        request.user = User.objects.get(pk=site.some(*site.users).pk)
                    rule = site.some(*site.rules)
                    decision = patron_of(request).decide(rule)
                    assert decision == afresh(request.user, rule, session)
                    allowed += decision.allowed
        assert allowed > 100
    assert read.cache_info().hits > 500
