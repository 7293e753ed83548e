"""The one query of a gate, in SQL: it runs on every gated page, and building it would cost more
than running it.

It gives the text of one JSON list of three. Nested subqueries, each over one table by one index,
leave the database nothing to plan: on PostgreSQL the same as a union of joins took half as long
again, most of it planning.

    account    [state, [campaign that the person runs, ...], [membership, ...]]
    grants     [[tier, cents, deny, starts_at, until, campaign], ...]
    campaigns  [[id, is_ours, currency, url, name, [tier on sale, ...]], ...]

A membership is what `MEMBERSHIP` names, and its campaign unless that is among the campaigns, which
are ours. A tier held is [id, amount_cents], one granted says its campaign, too, and one on sale is
[row's key, id, amount_cents, title, url, published]. Empty lists may be NULL; a database may give
an inner list as text, and has its own idea of a time.
"""

from __future__ import annotations

from functools import lru_cache

from django.db import NotSupportedError, connections

from django_patreon.entitlement import MembershipFacts
from django_patreon.models import Campaign, Grant, Membership, PatreonAccount, Tier

__all__ = ["MEMBERSHIP", "MOST_CAMPAIGNS", "statement"]

MOST_CAMPAIGNS = 50
"""Campaigns of ours whose tiers come along, for prices, the chosen one first. A person's own come
along in any case. A site for very many creators gives its rules a `Tier`, which knows its price."""

MEMBERSHIP = MembershipFacts._fields
"""What is listed of a membership, in this order: the names of columns, and `tiers`."""

_ARRAY_AND_AGGREGATE = {
    "postgresql": ("json_build_array", "json_agg"),
    "sqlite": ("json_array", "json_group_array"),
    "mysql": ("JSON_ARRAY", "JSON_ARRAYAGG"),
}


@lru_cache
def statement(vendor: str, *, chosen: bool) -> str:
    """Return the query for a kind of database. Its parameters: the key of the `user`, and where the
    site has `chosen` a campaign, its id (`campaign`).

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
    one_campaign = f"{array}(c.patreon_id, c.is_ours, c.currency, c.url, {name}, {on_sale})"
    columns = ", ".join(held_tiers if name == "tiers" else f"m.{name}" for name in MEMBERSHIP)
    # Of ours, those that may be too far down the list to come along with it.
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
    facts = "patreon_id, is_ours, currency, url, name, vanity"
    campaigns = listed(
        one_campaign, f"(SELECT {facts} FROM {of_the_site} LIMIT {MOST_CAMPAIGNS}) c"
    )
    person = f"{array}(a.state, {runs}, {memberships})"
    who = f"(SELECT {person} FROM {account} a WHERE a.user_id = %(user)s)"
    as_text = "::text" if vendor == "postgresql" else ""  # the others have nothing else
    return f"SELECT {array}({who}, {grants}, {campaigns}){as_text}"
