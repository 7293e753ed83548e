"""Everything the rule has to know of one person, in one query.

Written in SQL because it runs on every gated page: building it with the ORM would cost more than
running it. Three parts: the person's account with memberships and tiers; their grants; what this
site's campaigns sell.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections, router
from django.utils import timezone

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
from django_patreon.models import (
    Campaign,
    Grant,
    Membership,
    PatreonAccount,
    Tier,
    checkout_address,
)

__all__ = ["Known", "KnownTier", "load"]

MOST_TIERS = 200
"""Tiers of our own campaigns that come along, for prices. A site for very many creators gives its
rules a `Tier`, which knows its price."""


@dataclass(frozen=True, slots=True)
class KnownTier:
    """A tier of one of our campaigns, for prices and for the locked page."""

    id: str
    amount_cents: int | None
    title: str = ""
    url: str = ""
    campaign_id: str = ""
    published: bool = True

    @property
    def checkout_url(self) -> str:
        return checkout_address(self.url, campaign_id=self.campaign_id, tier_id=self.id)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a person, as the rule wants it, and what there is to hold."""

    is_linked: bool = False
    needs_reconnect: bool = False
    memberships: tuple[MembershipFacts, ...] = ()
    grants: tuple[GrantFacts, ...] = ()
    tiers: Mapping[str, KnownTier] = field(default_factory=dict)
    prices: Mapping[str, int | None] = field(default_factory=dict)
    """Of the tiers that we know: those above, those held, those granted."""
    our_campaigns: frozenset[str] = frozenset()
    own_campaigns: frozenset[str] = frozenset()
    """The campaigns that the person runs."""

    @property
    def default_campaign(self) -> str | None:
        """The campaign that a rule means which names none; None when that cannot be said."""
        chosen = patreon_settings().CAMPAIGN_ID
        if chosen is not None:
            return chosen
        return next(iter(self.our_campaigns)) if len(self.our_campaigns) == 1 else None

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
            policy=_policy(patreon_settings(), bypass),
        )


def load(user_pk: Any) -> Known:
    """Ask the database about a user. One query."""
    using = router.db_for_read(Membership)
    connection = connections[using]
    key = get_user_model()._meta.pk.get_db_prep_value(user_pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            _statement(connection.vendor),
            [key, key, patreon_settings().CAMPAIGN_ID or ""],
        )
        rows = cursor.fetchall()
    return _read(rows, connection.timezone or timezone.get_default_timezone())


def _policy(chosen: PatreonSettings, bypass: bool) -> Policy:
    return Policy(
        declined_grace=chosen.DECLINED_GRACE,
        blank_grace=chosen.BLANK_GRACE,
        max_age=chosen.MAX_AGE,
        count_trial=chosen.COUNT_TRIAL,
        count_gifted=chosen.COUNT_GIFTED,
        count_uncharged=chosen.COUNT_UNCHARGED,
        staff_bypass=chosen.STAFF_BYPASS and bypass,
    )


_PERSON, _GRANT, _SELLS = range(3)
_COLUMNS = (
    "kind",
    "campaign",
    "tier",
    "price",
    "word",
    "key",
    "patron_status",
    "last_charge_status",
    "last_charge_date",
    "next_charge_date",
    "cents",
    "lifetime",
    "cadence",
    "start",
    "flag",
    "is_free_trial",
    "blank_since",
    "remembered",
    "fetched_at",
    "runs",
)
_AS_IN_MEMBERSHIP = (
    "patron_status",
    "last_charge_status",
    "last_charge_date",
    "next_charge_date",
    "is_free_trial",
    "blank_since",
    "remembered",
    "fetched_at",
)


@lru_cache
def _statement(vendor: str) -> str:
    """Write the query, once for each kind of database. Every part has the same columns, of the
    types that the first part gives them."""
    quote = next(each.ops.quote_name for each in connections.all() if each.vendor == vendor)
    account, campaign, grant, held, membership, tier = (
        quote(model._meta.db_table)
        for model in (PatreonAccount, Campaign, Grant, Membership.tiers.through, Membership, Tier)
    )
    priced = {"tier": "t.patreon_id", "price": "t.amount_cents"}
    parts = (
        _select(
            _PERSON,
            priced,
            campaign="m.campaign_id",
            word="a.state",
            key="m.id",
            cents="m.currently_entitled_amount_cents",
            lifetime="m.campaign_lifetime_support_cents",
            cadence="m.pledge_cadence",
            start="m.pledge_relationship_start",
            flag="m.is_gifted",
            # Nobody has more than one (observed).
            runs=f"(SELECT MIN(c.patreon_id) FROM {campaign} c WHERE c.creator_id = a.id)",
            **{name: f"m.{name}" for name in _AS_IN_MEMBERSHIP},
        )
        + f" FROM {account} a LEFT JOIN {membership} m ON m.account_id = a.id"
        f" LEFT JOIN {held} h ON h.membership_id = m.id"
        f" LEFT JOIN {tier} t ON t.id = h.tier_id"
        " WHERE a.user_id = %s",
        _select(
            _GRANT,
            priced,
            campaign="COALESCE(g.campaign_id, t.campaign_id)",
            last_charge_date="g.starts_at",
            next_charge_date=f"g.{quote('until')}",
            cents="g.cents",
            flag="g.deny",
        )
        + f" FROM {grant} g LEFT JOIN {tier} t ON t.patreon_id = g.tier_id"
        " WHERE g.user_id = %s",
        _select(
            _SELLS,
            {"tier": "s.tier", "price": "s.amount_cents"},
            campaign="s.campaign",
            word="s.title",
            patron_status="s.url",
            flag="s.published",
        )
        + " FROM (SELECT c.patreon_id AS campaign, t.patreon_id AS tier, t.amount_cents,"
        f" t.title, t.url, t.published FROM {campaign} c"
        f" LEFT JOIN {tier} t ON t.campaign_id = c.patreon_id"
        " WHERE c.is_ours OR c.patreon_id = %s"
        f" ORDER BY c.id, t.amount_cents, t.id LIMIT {MOST_TIERS}) s",
    )
    return " UNION ALL ".join(parts)


def _select(kind: int, priced: Mapping[str, str], **columns: str) -> str:
    filled = {"kind": str(kind), **priced, **columns}
    return "SELECT " + ", ".join(filled.get(name, "NULL") for name in _COLUMNS)


def _read(rows: Iterable[tuple[Any, ...]], zone: tzinfo) -> Known:
    linked = reconnect = False
    members: dict[int, tuple[Any, ...]] = {}
    held: dict[int, list[TierFacts]] = {}
    grants: list[GrantFacts] = []
    tiers: dict[str, KnownTier] = {}
    prices: dict[str, int | None] = {}
    ours: set[str] = set()
    own: set[str] = set()
    for row in rows:
        kind, campaign, tier, _, word, key = row[:6]
        price = _whole(row[3])
        if tier is not None:
            prices[tier] = price
        if kind == _PERSON:
            linked, reconnect = True, word == PatreonAccount.State.RECONNECT
            if row[19] is not None:
                own.add(row[19])
            if key is not None:
                members[key] = row
                if tier is not None:
                    held.setdefault(key, []).append(TierFacts(tier, price))
        elif kind == _GRANT:
            grants.append(
                GrantFacts(
                    tier=None if tier is None else TierFacts(tier, price),
                    cents=_whole(row[10]),
                    deny=bool(row[14]),
                    starts_at=_moment(row[8], zone),
                    until=_moment(row[9], zone),
                    campaign_id=campaign,
                )
            )
        else:
            ours.add(campaign)
            if tier is not None:
                tiers[tier] = KnownTier(tier, price, word, row[6], campaign, row[14] in (None, 1))
    return Known(
        is_linked=linked,
        needs_reconnect=reconnect,
        memberships=tuple(_facts(row, held.get(key, []), zone) for key, row in members.items()),
        grants=tuple(grants),
        tiers=tiers,
        prices=prices,
        our_campaigns=frozenset(ours),
        own_campaigns=frozenset(own),
    )


def _facts(row: tuple[Any, ...], held: list[TierFacts], zone: tzinfo) -> MembershipFacts:
    return MembershipFacts(
        campaign_id=row[1],
        patron_status=row[6],
        last_charge_status=row[7],
        last_charge_date=_moment(row[8], zone),
        next_charge_date=_moment(row[9], zone),
        currently_entitled_amount_cents=_whole(row[10]),
        campaign_lifetime_support_cents=_whole(row[11]),
        pledge_cadence=_whole(row[12]),
        pledge_relationship_start=_moment(row[13], zone),
        is_gifted=bool(row[14]),
        is_free_trial=bool(row[15]),
        blank_since=_moment(row[16], zone),
        remembered=_worth(row[17]),
        fetched_at=_known_moment(row[18], zone),
        tiers=tuple(held),
    )


def _worth(value: Any) -> Worth | None:
    found = json.loads(value) if isinstance(value, str) else value
    if not found:
        return None
    return Worth(found["tiers"], found["cents"], found["months"])


def _whole(value: Any) -> int | None:
    """MariaDB makes decimals of whole numbers of two sizes."""
    return None if value is None else int(value)


def _moment(value: Any, zone: tzinfo) -> datetime | None:
    return None if value is None else _known_moment(value, zone)


def _known_moment(value: Any, zone: tzinfo) -> datetime:
    """Make a time of what the driver gives: SQLite has text, and not all have time zones."""
    found: datetime = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=zone) if found.tzinfo is None else found
