"""Loads everything that the rule has to know of one person, with one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
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
from .statement import grant_facts, lists, membership_facts, one_list, statement

if TYPE_CHECKING:
    from .rules import Rule

__all__ = ["Known", "KnownCampaign", "KnownTier", "load", "look_up", "read"]

MOST_PEOPLE = 500
"""How many answers of the query a process keeps parsed: some 5 kB each on a site of one campaign
(measured)."""
LONGEST_KEPT = 10_000
"""Longer answers, in characters, are not kept: on a site for fifty creators they would fill the
memory. The longest that are kept take 50 kB each (measured)."""
MOST_DECISIONS = 100
"""How many decisions are kept for each answer: a site may have a rule for each article."""

ASK_EVERY = timedelta(minutes=5)
"""How often a process asks for a look at one person whose facts are old."""


@dataclass(frozen=True, slots=True)
class KnownCampaign:
    """A campaign that is ours, or of which the person is a member."""

    id: str
    currency: str = ""
    url: str = ""
    name: str = ""
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class KnownTier:
    """A tier of one of those campaigns: its price for rules, the rest for the locked page."""

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
    """One answer of the query, parsed: the person's memberships and grants, and the campaigns.

    Requests share it, so what it says never changes. Most gates need the person's part only, so the
    campaigns are parsed when they are first asked for.
    """

    def __init__(self, row: str, zone: tzinfo) -> None:
        account, granted, ours = lists(row)
        state, runs, joined = account or (None, None, None)
        self.is_linked = bool(account)
        self.needs_reconnect = state == PatreonAccount.State.RECONNECT
        members = lists(joined)
        self._campaigns = lists(ours) + lists([each[-1] for each in members if each[-1]])
        synced = {each[0]: each[5] for each in self._campaigns}
        self.memberships = tuple(
            [membership_facts(each, zone, synced.get(each[0])) for each in members]
        )
        self.oldest = min([each.fetched_at for each in self.memberships], default=None)
        """As of when the oldest of the memberships is."""
        self.told_old_at: datetime | None = None
        """When this process has last asked for a look at them, since they are old."""
        self.grants = tuple([grant_facts(each, zone) for each in lists(granted)])
        self.own_campaigns = frozenset(one_list(runs))
        """Ids of the campaigns that the person created."""
        self._opened: tuple[PatreonSettings | None, dict[tuple[Any, ...], Decision]] = (None, {})
        """The settings, and the decisions that opened a gate under them, by the rule's key."""

    def must_tell_old(self, now: datetime) -> bool:
        """Return True if a look at the memberships should be asked for now. The next call counts
        from here: many requests that find the same need not all write."""
        if self.oldest is None or now - self.oldest < patreon_settings().MAX_AGE / 2:
            return False
        if self.told_old_at is not None and now - self.told_old_at < ASK_EVERY:
            return False
        self.told_old_at = now
        return True

    @cached_property
    def campaigns(self) -> Mapping[str, KnownCampaign]:
        return {
            key: KnownCampaign(key, currency, page, name, bool(is_ours))
            for key, is_ours, currency, page, name, *_ in self._campaigns
        }

    def name_to_say(self, campaign: KnownCampaign) -> str:
        """Return the campaign's name if this site has another campaign, else ""."""
        others = (each for each in self.campaigns.values() if each.id != campaign.id)
        return campaign.name if any(each.is_ours for each in others) else ""

    @cached_property
    def tiers(self) -> Mapping[str, KnownTier]:
        """The tiers of the campaigns, by Patreon's id."""
        found = [
            _known_tier(campaign, *values)
            for campaign, *_, on_sale in self._campaigns
            for values in lists(on_sale)
        ]
        return {each.id: each for each in found}

    @cached_property
    def tiers_by_key(self) -> Mapping[int, KnownTier]:
        return {each.pk: each for each in self.tiers.values()}

    def campaign_meant(self, named: str | None) -> str | None:
        """Return the campaign that a rule names, or the default one if it names none."""
        return self.default_campaign if named is None else named

    def prices_in(self, campaign_id: str | None) -> Mapping[str, int | None]:
        """Return the price in cents of each known tier of the campaign: on sale, held or granted.

        Other campaigns may have another currency (T4, T11), so their tiers are not among them.
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
        """Id of the campaign that rules without one mean; None if there is not exactly one."""
        chosen = patreon_settings().CAMPAIGN_ID
        if chosen is not None:
            return chosen
        ours = [each[0] for each in self._campaigns if each[1]]
        return ours[0] if len(ours) == 1 else None

    def recall(self, rule: Rule, *, now: datetime) -> Decision | None:
        """Return the kept decision that opened a gate with this rule; None if none still holds."""
        settings, opened = self._opened
        found = opened.get(rule.key()) if settings is patreon_settings() else None
        if found is None or (found.until is not None and found.until <= now):
            return None
        return found

    def remember(self, rule: Rule, facts: Facts, decision: Decision) -> None:
        """Keep a decision for the next request, if it opens and can only end by `until`.

        Without passes and bans time only closes gates, so such a decision stays true until then.
        Nothing is kept for people with grants, for staff, or under other settings. Everybody with
        the same answer of the query shares it, so `facts` must have been made from this answer.
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
    """Parse an answer of the query. People look at several pages, so parsed answers are kept.

    The key is the whole text that the database has just given, so nothing can be stale.
    """
    return Known(row, zone)


_USER = Grant._meta.get_field("user")


def load(user_pk: Any) -> Known:
    """Return what is known of a user. One query."""
    using = router.db_for_read(Membership)
    connection = connections[using]
    key = _USER.get_db_prep_value(user_pk, connection)
    chosen = patreon_settings().CAMPAIGN_ID
    params = {"user": key} if chosen is None else {"user": key, "campaign": chosen}
    found = ask(connection, statement(connection.vendor, chosen=chosen is not None), params)
    zone = connection.timezone or timezone.get_default_timezone()
    return (read if len(found) < LONGEST_KEPT else Known)(found, zone)


def look_up(campaign_id: str) -> tuple[KnownCampaign, Mapping[str, KnownTier]] | None:
    """Return a campaign that `load` does not bring, and its tiers by Patreon's id.

    None if it is not ours. Two queries.
    """
    row = Campaign.objects.filter(patreon_id=campaign_id, is_ours=True).first()
    if row is None:
        return None
    names = ("pk", "patreon_id", "amount_cents", "title", "url", "published")
    tiers = [_known_tier(campaign_id, *values) for values in row.tiers.values_list(*names)]
    campaign = KnownCampaign(campaign_id, row.currency, row.url, row.name or row.vanity, True)
    return campaign, {each.id: each for each in tiers}


def _known_tier(
    campaign_id: str,
    pk: int,
    key: str,
    price: int | None,
    title: str,
    url: str,
    published: bool | None,
) -> KnownTier:
    """Make a tier. It is offered unless Patreon says that it is not published."""
    is_published = published is None or bool(published)
    return KnownTier(pk, key, price, title, url, campaign_id, is_published)


def _policy(bypass: bool) -> Policy:
    """Return the policy that the settings ask for; made anew only when they change."""
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
