"""What the words in the tables mean, and how a question is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django_patreon.entitlement import (
    Decision,
    Facts,
    MembershipFacts,
    Requirement,
    Subject,
    TierFacts,
    Worth,
    decide,
)

HERE = Path(__file__).parent
NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
SIGNED_IN = Subject(is_linked=True)
TIERS = {
    name: TierFacts(f"9100{name}", cents)
    for name, cents in {
        "Free": 0,
        "Bronze": 300,
        "Silver": 500,
        "Gold": 1000,
        "Unpriced": None,
    }.items()
}
STATUSES = {
    "active": "active_patron",
    "declined": "declined_patron",
    "former": "former_patron",
    "-": None,
    "NEW": "paused_patron",
}


def lines(name: str) -> list[str]:
    found = (line.strip() for line in (HERE / name).read_text().splitlines())
    return [line for line in found if line and not line.startswith("#")]


def plain(text: str) -> str:
    """Drop the spaces that only align columns."""
    return " ".join(text.split())


def span(word: str) -> timedelta | None:
    """Read 5d, 1h or -10m; <7d is a second less than 7d, >7d a second more, and - unknown."""
    if word == "-":
        return None
    number = word.lstrip("<>")
    unit = {"d": "days", "h": "hours", "m": "minutes"}[number[-1]]
    second = {"<": -1, ">": 1}.get(word[0], 0)
    return timedelta(**{unit: int(number[:-1])}) + timedelta(seconds=second)


def ago(word: str) -> datetime | None:
    length = span(word)
    return None if length is None else NOW - length


def ahead(word: str) -> datetime | None:
    length = span(word)
    return None if length is None else NOW + length


def number(word: str) -> int | None:
    return None if word == "-" else int(word)


def charge(word: str) -> str | None:
    return None if word == "-" else word.replace("_", " ")


def tiers(word: str) -> tuple[TierFacts, ...]:
    return tuple(TIERS[name] for name in word.split(",") if name != "-")


def rule(text: str) -> Requirement:
    words = text.split()
    if words == ["any"]:
        return Requirement()
    asked: dict[str, Any] = {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name == "tier":
            known = (TIERS.get(each) for each in value.split(","))
            asked["tiers"] = frozenset(each.id for each in known if each)
        elif name == "at_least":
            asked[name] = TIERS[value]
        elif name == "since":
            asked[name] = ago(value)
        else:
            asked[{"cents": "cents", "lifetime": "lifetime_cents"}[name]] = int(value)
    return Requirement(**asked)


def standing(words: dict[str, str]) -> MembershipFacts:
    cents, months = words["amount"].split("/")
    remembered = None
    if words["before"] != "nothing":
        titles, amount = words["before"].split(":")
        had_cents, had_months = amount.split("/")
        prices = {tier.id: tier.amount_cents for tier in tiers(titles)}
        remembered = Worth(prices, int(had_cents), number(had_months))
    return MembershipFacts(
        campaign_id="ours",
        fetched_at=NOW - span(words["read"]),
        patron_status=STATUSES[words["status"]],
        last_charge_status=charge(words["charge"]),
        last_charge_date=ago(words["charged"]),
        next_charge_date=ahead(words["next"]),
        currently_entitled_amount_cents=number(cents),
        campaign_lifetime_support_cents=number(words["total"]),
        pledge_cadence=number(months),
        pledge_relationship_start=ago(words["joined"]),
        is_gifted=words["flag"] == "gift",
        is_free_trial=words["flag"] == "trial",
        tiers=tiers(words["tiers"]),
        blank_since=ago(words["gone"]),
        remembered=remembered,
        declined_since=ago(words["since"]),
    )


def facts_of(*memberships: MembershipFacts) -> Facts:
    """Somebody who is signed in, and asks now."""
    return Facts(campaign_id="ours", now=NOW, subject=SIGNED_IN, memberships=memberships)


def said(decision: Decision) -> str:
    return f"{'yes' if decision.allowed else 'no'} {decision.reason}"


def ask(membership: MembershipFacts, requirement: Requirement) -> str:
    return said(decide(requirement, facts_of(membership)))
