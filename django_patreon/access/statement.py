"""The one query of a gate, and the functions that read its answer.

The query is written in SQL because it runs on every gated page, and building it with the ORM takes
longer than running it. It consists of nested subqueries, each over one table by one index, which
databases plan quickly: on PostgreSQL a union of joins took half as long again, mostly for planning.

The answer is the text of a JSON list of three:

    account    [state, [campaign that the person runs, ...], [membership, ...]]
    grants     [[tier, cents, deny, starts_at, until, campaign], ...]
    campaigns  [[id, is_ours, currency, url, name, synced_at, [tier on sale, ...]], ...]

`campaigns` are those that are ours. A membership has the values that `MEMBERSHIP` names, and then
its campaign unless that is among `campaigns`. A tier of a membership is [id, amount_cents], that of
a grant has its campaign's id, too, and one on sale is [primary key, id, amount_cents, title, url,
published]. An empty list may be NULL. Some databases give an inner list as text. Each has its own
format for times.
"""

from __future__ import annotations

import json
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any

from django.db import NotSupportedError, connections

from django_patreon.entitlement import GrantFacts, MembershipFacts, TierFacts, Worth
from django_patreon.models import Campaign, Grant, Membership, PatreonAccount, Tier

__all__ = [
    "MEMBERSHIP",
    "MOST_CAMPAIGNS",
    "grant_facts",
    "lists",
    "membership_facts",
    "one_list",
    "statement",
]

MOST_CAMPAIGNS = 50
"""How many of our campaigns are in the answer, with their tiers and prices; the chosen one comes
first. Campaigns that the person is a member of come on top. On a site for more creators rules name
a `Tier`, which has its price."""

MEMBERSHIP = MembershipFacts._fields
"""The values of a membership in this order: columns of its table, and `tiers`."""

_ARRAY_AND_AGGREGATE = {
    "postgresql": ("json_build_array", "json_agg"),
    "sqlite": ("json_array", "json_group_array"),
    "mysql": ("JSON_ARRAY", "JSON_ARRAYAGG"),
}


@lru_cache
def statement(vendor: str, *, chosen: bool) -> str:
    """Return the query for a kind of database.

    Its parameters are `user`, the primary key, and with `chosen` also `campaign`, the id in
    `PATREON["CAMPAIGN_ID"]`.

    Raises `NotSupportedError` for a database that it has not been written for.
    """
    if vendor not in _ARRAY_AND_AGGREGATE:
        raise NotSupportedError(
            "The gates of django_patreon are made for PostgreSQL, MariaDB, MySQL and SQLite,"
            f" and this is {vendor}."
        )
    array, aggregate = _ARRAY_AND_AGGREGATE[vendor]
    quote = next(each.ops.quote_name for each in connections.all() if each.vendor == vendor)
    account, campaign, grant, held, membership, tier = (
        quote(model._meta.db_table)
        for model in (PatreonAccount, Campaign, Grant, Membership.tiers.through, Membership, Tier)
    )

    def listed(what: str, source: str) -> str:
        return f"(SELECT {aggregate}({what}) FROM {source})"

    def one_tier(facts: str, where: str) -> str:
        return f"(SELECT {array}({facts}) FROM {tier} t WHERE {where})"

    held_tiers = listed(
        one_tier("t.patreon_id, t.amount_cents", "t.id = h.tier_id"),
        f"{held} h WHERE h.membership_id = m.id",
    )
    on_sale = listed(
        f"{array}(t.id, t.patreon_id, t.amount_cents, t.title, t.url, t.published)",
        f"{tier} t WHERE t.campaign_id = c.patreon_id",
    )
    name = "CASE WHEN c.name = '' THEN c.vanity ELSE c.name END"
    one_campaign = (
        f"{array}(c.patreon_id, c.is_ours, c.currency, c.url, {name}, c.synced_at, {on_sale})"
    )
    columns = ", ".join(held_tiers if name == "tiers" else f"m.{name}" for name in MEMBERSHIP)
    # The first MOST_CAMPAIGNS of our campaigns are in `campaigns`.
    place = f"(SELECT COUNT(*) FROM {campaign} o WHERE o.is_ours AND o.id < c.id)"
    left_out = f"(NOT c.is_ours OR {place} >= {MOST_CAMPAIGNS - 1})"
    of_the_person = f"{campaign} c WHERE c.patreon_id = m.campaign_id AND {left_out}"
    of_the_site = f"{campaign} WHERE is_ours"
    if chosen:
        of_the_person += " AND c.patreon_id <> %(campaign)s"
        of_the_site += (
            " OR patreon_id = %(campaign)s"
            " ORDER BY CASE WHEN patreon_id = %(campaign)s THEN 0 ELSE 1 END, id"
        )
    else:
        of_the_site += " ORDER BY id"
    columns += f", (SELECT {one_campaign} FROM {of_the_person})"
    memberships = listed(f"{array}({columns})", f"{membership} m WHERE m.account_id = a.id")
    runs = listed("c.patreon_id", f"{campaign} c WHERE c.creator_id = a.id")
    granted = one_tier("t.patreon_id, t.amount_cents, t.campaign_id", "t.patreon_id = g.tier_id")
    grants = listed(
        f"{array}({granted}, g.cents, g.deny, g.starts_at, g.{quote('until')}, g.campaign_id)",
        f"{grant} g WHERE g.user_id = %(user)s",
    )
    facts = "patreon_id, is_ours, currency, url, name, vanity, synced_at"
    campaigns = listed(
        one_campaign, f"(SELECT {facts} FROM {of_the_site} LIMIT {MOST_CAMPAIGNS}) c"
    )
    person = f"{array}(a.state, {runs}, {memberships})"
    who = f"(SELECT {person} FROM {account} a WHERE a.user_id = %(user)s)"
    as_text = "::text" if vendor == "postgresql" else ""  # the others return text anyway
    return f"SELECT {array}({who}, {grants}, {campaigns}){as_text}"


# -- reading the answer

_MOMENTS, _FLAGS = (
    [
        MEMBERSHIP.index(name)
        for name, of in MembershipFacts.__annotations__.items()
        if kind in str(of)
    ]
    for kind in ("datetime", "bool")
)
_FETCHED = MEMBERSHIP.index("fetched_at")
_REMEMBERED, _TIERS = MEMBERSHIP.index("remembered"), MEMBERSHIP.index("tiers")


def membership_facts(
    values: list[Any], zone: tzinfo, synced_at: str | None = None
) -> MembershipFacts:
    """Return the facts of a membership. A naive time is in `zone`.

    A complete sync that began at `synced_at` confirmed the row without writing it.
    """
    facts = values[:-1]  # its campaign comes last
    for place in _MOMENTS:
        if facts[place] is not None:
            facts[place] = _moment(facts[place], zone)
    if synced_at is not None:
        facts[_FETCHED] = max(facts[_FETCHED], _moment(synced_at, zone))
    for place in _FLAGS:
        facts[place] = bool(facts[place])
    facts[_REMEMBERED] = _worth(facts[_REMEMBERED])
    facts[_TIERS] = tuple([TierFacts(*each) for each in lists(facts[_TIERS])])
    return MembershipFacts(*facts)


def grant_facts(values: list[Any], zone: tzinfo) -> GrantFacts:
    """Return the facts of a grant. A naive time is in `zone`."""
    tier, cents, deny, starts_at, until, campaign = values
    held, price, tier_campaign = one_list(tier) or (None, None, None)
    return GrantFacts(
        tier=None if held is None else TierFacts(held, price),
        cents=cents,
        deny=bool(deny),
        starts_at=_moment(starts_at, zone),
        until=_moment(until, zone),
        campaign_id=campaign or tier_campaign,
    )


def lists(value: Any) -> list[Any]:
    """Return a list of lists. Some databases give the inner ones as text."""
    found = one_list(value)
    for each in found:
        if isinstance(each, str):
            return [one_list(each) if isinstance(each, str) else each for each in found]
    return found


def one_list(value: Any) -> list[Any]:
    """Return a list. Some databases give it as text, or as None if it is empty."""
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
