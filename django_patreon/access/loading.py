"""Everything the rule has to know of one person, in one query: read, and put in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import connections, router
from django.utils import timezone
from django.utils.functional import cached_property

from django_patreon.conf import PatreonSettings, patreon_settings
from django_patreon.entitlement import (
    Decision,
    Facts,
    Policy,
    Subject,
)
from django_patreon.models import Campaign, Grant, Membership, PatreonAccount, checkout_address

from .prepared import ask
from .row import grant_facts, lists, membership_facts, one_list
from .statement import statement

if TYPE_CHECKING:
    from .rules import Rule

__all__ = ["Known", "KnownCampaign", "KnownTier", "load", "look_up", "read"]

MOST_PEOPLE = 500
"""People whom a process remembers, at some 5 kB each on a site of one campaign (measured)."""
LONGEST_KEPT = 10_000
"""Characters of an answer that is kept: a site for fifty creators would fill the memory. The
longest that are kept take 50 kB each (measured)."""
MOST_DECISIONS = 100
"""Decisions that are kept beside what is known of a person: rules may be as many as articles."""


@dataclass(frozen=True, slots=True)
class KnownCampaign:
    """A campaign of ours, or one that the person is a member of."""

    id: str
    currency: str = ""
    url: str = ""
    name: str = ""
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class KnownTier:
    """A tier of one of those campaigns, for prices and for the locked page."""

    pk: int
    id: str
    amount_cents: int | None
    title: str = ""
    url: str = ""
    campaign_id: str = ""
    published: bool = True

    @property
    def checkout_url(self) -> str:
        return checkout_address(self.url, campaign_id=self.campaign_id, tier_id=self.id)


class Known:
    """What is known of a person, as the rule wants it, and what there is to hold.

    Shared by requests, so it never changes. Most gates need the person's side only: the campaigns'
    is made when somebody asks for it.
    """

    def __init__(self, row: str, zone: tzinfo) -> None:
        account, granted, ours = lists(row)
        state, runs, joined = account or (None, None, None)
        self.is_linked = bool(account)
        self.needs_reconnect = state == PatreonAccount.State.RECONNECT
        members = lists(joined)
        self.memberships = tuple([membership_facts(each, zone) for each in members])
        self.grants = tuple([grant_facts(each, zone) for each in lists(granted)])
        self.own_campaigns = frozenset(one_list(runs))
        """The campaigns that the person runs."""
        self._opened: tuple[PatreonSettings | None, dict[tuple[Any, ...], Decision]] = (None, {})
        """The settings, and what has opened under them."""
        self._campaigns = lists(ours) + lists([each[-1] for each in members if each[-1]])

    @cached_property
    def campaigns(self) -> Mapping[str, KnownCampaign]:
        return {
            key: KnownCampaign(key, currency, page, name, bool(is_ours))
            for key, is_ours, currency, page, name, _ in self._campaigns
        }

    def name_to_say(self, campaign: KnownCampaign) -> str:
        """Its name where there is another one of ours, so that people know which is meant; else
        ""."""
        others = (each for each in self.campaigns.values() if each.id != campaign.id)
        return campaign.name if any(each.is_ours for each in others) else ""

    @cached_property
    def tiers(self) -> Mapping[str, KnownTier]:
        """Those of the campaigns."""
        # Only a plain no takes it off the page: Patreon may not have said.
        return {
            key: KnownTier(pk, key, price, title, url, campaign, published in (None, 1))
            for campaign, *_, on_sale in self._campaigns
            for pk, key, price, title, url, published in lists(on_sale)
        }

    @cached_property
    def tiers_by_key(self) -> Mapping[int, KnownTier]:
        return {each.pk: each for each in self.tiers.values()}

    def campaign_meant(self, named: str | None) -> str | None:
        """The campaign that a rule names, or the default one; "" names one that nobody has."""
        return self.default_campaign if named is None else named

    def prices_in(self, campaign_id: str | None) -> Mapping[str, int | None]:
        """Of the campaign's tiers that we know: those on sale, those held, those granted.

        Another campaign's price says nothing here, and may be in another currency (T4, T11).
        """
        return self._prices.get(campaign_id or "", {})

    @cached_property
    def _prices(self) -> Mapping[str, Mapping[str, int | None]]:
        found: defaultdict[str, dict[str, int | None]] = defaultdict(dict)
        for campaign in self._campaigns:
            for _, key, price, *_ in lists(campaign[-1]):
                found[campaign[0]][key] = price
        for membership in self.memberships:
            for tier in membership.tiers:
                found[membership.campaign_id][tier.id] = tier.amount_cents
        for grant in self.grants:
            if grant.tier is not None and grant.campaign_id is not None:
                found[grant.campaign_id][grant.tier.id] = grant.tier.amount_cents
        return found

    @property
    def default_campaign(self) -> str | None:
        """The campaign that a rule means which names none; None when that cannot be said."""
        chosen = patreon_settings().CAMPAIGN_ID
        if chosen is not None:
            return chosen
        ours = [each[0] for each in self._campaigns if each[1]]
        return ours[0] if len(ours) == 1 else None

    def recall(self, rule: Rule, *, now: datetime) -> Decision | None:
        """Return the decision that has opened this before to the person, should it hold still."""
        settings, opened = self._opened
        found = opened.get(rule.key()) if settings is patreon_settings() else None
        if found is None or (found.until is not None and found.until <= now):
            return None
        return found

    def remember(self, rule: Rule, facts: Facts, decision: Decision) -> None:
        """Keep a decision about the person, who is not staff, for the next request.

        Only one that opens: time closes gates and opens none, so until it ends it stays what it
        is. Where there are passes and bans, which begin, too, nothing is kept. All who have the
        same facts share it, so `facts` must have been made of them, under the settings of now.
        """
        of_these = facts.memberships is self.memberships and not facts.subject.is_staff
        if not decision.allowed or self.grants or not of_these or facts.policy is not _policy(True):
            return
        settings = patreon_settings()
        if self._opened[0] is not settings:
            self._opened = settings, {}
        opened = self._opened[1]
        if len(opened) < MOST_DECISIONS:
            opened[rule.key()] = decision

    def facts(
        self, campaign_id: str | None, *, now: datetime, is_staff: bool, bypass: bool = True
    ) -> Facts:
        """Return the facts for the rule. With `bypass` False staff pass no gate by being staff."""
        return Facts(
            campaign_id=campaign_id,
            now=now,
            subject=Subject(
                is_staff=is_staff,
                is_creator=campaign_id in self.own_campaigns,
                is_linked=self.is_linked,
                needs_reconnect=self.needs_reconnect,
            ),
            memberships=self.memberships,
            grants=self.grants,
            policy=_policy(bypass),
        )


@lru_cache(maxsize=MOST_PEOPLE)
def read(row: str, zone: tzinfo) -> Known:
    """Read a row, or find it read: most people look at more than one page.

    By its whole text, as the database has just given it, so that nothing here can be stale.
    """
    return Known(row, zone)


_USER = Grant._meta.get_field("user")


def load(user_pk: Any) -> Known:
    """Ask the database about a user. One query."""
    using = router.db_for_read(Membership)
    connection = connections[using]
    key = _USER.get_db_prep_value(user_pk, connection)
    chosen = patreon_settings().CAMPAIGN_ID
    params = {"user": key} if chosen is None else {"user": key, "campaign": chosen}
    found = ask(connection, statement(connection.vendor, chosen=chosen is not None), params)
    zone = connection.timezone or timezone.get_default_timezone()
    return (read if len(found) < LONGEST_KEPT else Known)(found, zone)


def look_up(campaign_id: str) -> tuple[KnownCampaign, Mapping[str, KnownTier]] | None:
    """Ask about a campaign that does not come along with what is known of a person, and its tiers;
    None for one that is not ours. Two queries."""
    row = Campaign.objects.filter(patreon_id=campaign_id, is_ours=True).first()
    if row is None:
        return None
    tiers = {
        each.patreon_id: KnownTier(
            each.pk,
            each.patreon_id,
            each.amount_cents,
            each.title,
            each.url,
            campaign_id,
            each.published is not False,
        )
        for each in row.tiers.all()
    }
    return KnownCampaign(campaign_id, row.currency, row.url, row.name or row.vanity, True), tiers


def _policy(bypass: bool) -> Policy:
    """Make the policy of the settings, once for as long as they stand."""
    global _policies
    chosen = patreon_settings()
    if _policies[0] is not chosen:
        _policies = (chosen, _policy_of(chosen, True), _policy_of(chosen, False))
    return _policies[1] if bypass else _policies[2]


_policies: tuple[PatreonSettings | None, Policy, Policy] = (None, Policy(), Policy())


def _policy_of(chosen: PatreonSettings, bypass: bool) -> Policy:
    return Policy(
        declined_grace=chosen.DECLINED_GRACE,
        blank_grace=chosen.BLANK_GRACE,
        max_age=chosen.MAX_AGE,
        count_trial=chosen.COUNT_TRIAL,
        count_gifted=chosen.COUNT_GIFTED,
        count_uncharged=chosen.COUNT_UNCHARGED,
        staff_bypass=chosen.STAFF_BYPASS and bypass,
    )
