"""Parses the answer of `statement` into the facts that the rule takes."""

from __future__ import annotations

import json
from datetime import datetime, tzinfo
from typing import Any

from django_patreon.entitlement import GrantFacts, MembershipFacts, TierFacts, Worth

from .statement import MEMBERSHIP

__all__ = ["grant_facts", "lists", "membership_facts", "one_list"]

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
    """Return the facts of a membership. A time without a zone is taken to be in `zone`.

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
    """Return the facts of a grant. A time without a zone is taken to be in `zone`."""
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
