"""Everything the rule has to know of one person, in one query: read, and put in order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections, router
from django.utils import timezone
from django.utils.functional import cached_property

from django_patreon.conf import PatreonSettings, patreon_settings
from django_patreon.entitlement import (
    Case,
    GrantFacts,
    MembershipFacts,
    Policy,
    Subject,
    TierFacts,
    Worth,
)
from django_patreon.models import Membership, PatreonAccount, checkout_address

from .prepared import ask
from .statement import MEMBERSHIP, statement

__all__ = ["Known", "KnownCampaign", "KnownTier", "load"]


@dataclass(frozen=True, slots=True)
class KnownCampaign:
    """A campaign of ours, or one that the person is a member of."""

    id: str
    currency: str = ""
    url: str = ""


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

    Most gates need the person's side only: the campaigns' is made when somebody asks for it.
    """

    def __init__(self, row: list[Any], zone: tzinfo) -> None:
        account, granted, ours = _lists(row)
        state, runs, joined = account or (None, None, None)
        self.is_linked = bool(account)
        self.needs_reconnect = state == PatreonAccount.State.RECONNECT
        members = _lists(_list(joined))
        self.memberships = tuple([_membership(each, zone) for each in members])
        self.grants = tuple([_grant(each, zone) for each in _lists(granted)])
        self.own_campaigns = frozenset(_list(runs))
        """The campaigns that the person runs."""
        self._campaigns = _lists(ours) + _lists([each[-1] for each in members if each[-1]])

    @cached_property
    def campaigns(self) -> Mapping[str, KnownCampaign]:
        return {
            key: KnownCampaign(key, currency, page) for key, _, currency, page, _ in self._campaigns
        }

    @cached_property
    def tiers(self) -> Mapping[str, KnownTier]:
        """Those of the campaigns."""
        # Only a plain no takes it off the page: Patreon may not have said.
        return {
            key: KnownTier(pk, key, price, title, url, campaign, published in (None, 1))
            for campaign, _, _, _, on_sale in self._campaigns
            for pk, key, price, title, url, published in _lists(_list(on_sale))
        }

    @cached_property
    def tiers_by_key(self) -> Mapping[int, KnownTier]:
        return {each.pk: each for each in self.tiers.values()}

    @cached_property
    def prices(self) -> Mapping[str, int | None]:
        """Of the tiers that we know: those of the campaigns, those held, those granted."""
        found = {
            tier[1]: tier[2] for campaign in self._campaigns for tier in _lists(_list(campaign[-1]))
        }
        for membership in self.memberships:
            found.update((tier.id, tier.amount_cents) for tier in membership.tiers)
        found.update((each.tier.id, each.tier.amount_cents) for each in self.grants if each.tier)
        return found

    @cached_property
    def default_campaign(self) -> str | None:
        """The campaign that a rule means which names none; None when that cannot be said."""
        chosen = patreon_settings().CAMPAIGN_ID
        if chosen is not None:
            return chosen
        ours = [each[0] for each in self._campaigns if each[1]]
        return ours[0] if len(ours) == 1 else None

    def case(
        self, campaign_id: str | None, *, now: datetime, is_staff: bool, bypass: bool = True
    ) -> Case:
        """Make the rule's case of it. `bypass` False: as if staff had to queue like everybody."""
        return Case(
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


def load(user_pk: Any) -> Known:
    """Ask the database about a user. One query."""
    using = router.db_for_read(Membership)
    connection = connections[using]
    key = get_user_model()._meta.pk.get_db_prep_value(user_pk, connection)
    chosen = patreon_settings().CAMPAIGN_ID
    params = {"user": key} if chosen is None else {"user": key, "campaign": chosen}
    found = ask(connection, statement(connection.vendor, chosen=chosen is not None), params)
    return Known(_list(found), connection.timezone or timezone.get_default_timezone())


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


_MOMENTS = (
    "fetched_at",
    "last_charge_date",
    "next_charge_date",
    "pledge_relationship_start",
    "blank_since",
)


def _membership(values: list[Any], zone: tzinfo) -> MembershipFacts:
    facts = dict(zip(MEMBERSHIP, values, strict=False))  # its campaign comes last
    for name in _MOMENTS:
        facts[name] = _moment(facts[name], zone)
    facts["is_gifted"] = bool(facts["is_gifted"])
    facts["is_free_trial"] = bool(facts["is_free_trial"])
    facts["remembered"] = _worth(facts["remembered"])
    facts["tiers"] = tuple([TierFacts(*each) for each in _lists(_list(facts["tiers"]))])
    return MembershipFacts(**facts)


def _grant(values: list[Any], zone: tzinfo) -> GrantFacts:
    tier, cents, deny, starts_at, until, campaign = values
    held, price, tier_campaign = _list(tier) or (None, None, None)
    return GrantFacts(
        tier=None if held is None else TierFacts(held, price),
        cents=cents,
        deny=bool(deny),
        starts_at=_moment(starts_at, zone),
        until=_moment(until, zone),
        campaign_id=campaign or tier_campaign,
    )


def _lists(values: list[Any]) -> list[list[Any]]:
    return [each if each.__class__ is list else _list(each) for each in values]


def _list(value: Any) -> list[Any]:
    found: list[Any] | None = json.loads(value) if isinstance(value, str) else value
    return found or []


def _worth(value: Any) -> Worth | None:
    found = json.loads(value) if isinstance(value, str) else value
    return Worth(found["tiers"], found["cents"], found["months"]) if found else None


def _moment(value: str | None, zone: tzinfo) -> datetime | None:
    if value is None:
        return None
    found = datetime.fromisoformat(value)
    return found.replace(tzinfo=zone) if found.tzinfo is None else found
