"""What a decision is based on, in lines for operators: `patreon_why` and the admin show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.timesince import timesince

from django_patreon.entitlement import GrantFacts, MembershipFacts, Policy, Worth
from django_patreon.models import Campaign

from .loading import KnownTier
from .patron import Patron
from .rules import Rule

__all__ = ["UNHEARD", "campaign_in_words", "facts_in_words", "policy_in_words", "when"]

UNHEARD = "unknown: Patreon has told this site of no such"


def campaign_in_words(campaign_id: str | None) -> str:
    """Return the campaign that a rule is about."""
    if campaign_id is None:
        return "of campaign unknown: this site has not said which is its own"
    found = Campaign.objects.filter(patreon_id=campaign_id).first()
    return f"of campaign {campaign_id}, {UNHEARD + ' campaign' if found is None else found}"


def facts_in_words(user: Any, patron: Patron, rule: Rule) -> list[str]:
    """Return what is known about a user, a line each, for operators. It is not translated."""
    facts, tiers = patron.facts(rule.campaign_id), patron.known.tiers
    lines = [f"user {user.pk}, {'active' if user.is_active else 'inactive'}"]
    subject = facts.subject
    traits = {"staff": subject.is_staff, "the creator": subject.is_creator}
    lines += [name for name, true in traits.items() if true]
    linked = "linked to Patreon" if subject.is_linked else "not linked to Patreon"
    lines.append(linked + (", must reconnect" if subject.needs_reconnect else ""))
    for grant in facts.grants:
        what = "a ban" if grant.deny else f"a pass for {_worth(grant, tiers)}"
        what += f" of campaign {grant.campaign_id}" if grant.campaign_id else ""
        state = "in force" if grant.is_in_force(facts.now) else "not in force"
        lines.append(f"{what}, {state}, from {when(grant.starts_at)} to {when(grant.until)}")
    for each in facts.memberships:
        ours = "" if each.campaign_id == facts.campaign_id else " (another campaign: ignored)"
        lines.append(f"membership of campaign {each.campaign_id}{ours}")
        lines += [f"  {line}" for line in _membership(each, tiers, facts.now)]
    return lines


def _worth(grant: GrantFacts, tiers: Mapping[str, KnownTier]) -> str:
    tier = [] if grant.tier is None else [f"tier {_title(grant.tier.id, tiers)}"]
    cents = [] if grant.cents is None else [f"{grant.cents} cents a month"]
    return " and ".join(tier + cents)


def _membership(facts: MembershipFacts, tiers: Mapping[str, KnownTier], now: datetime) -> list[str]:
    held = ", ".join(f"{_title(t.id, tiers)} ({t.amount_cents} cents)" for t in facts.tiers)
    lines = [
        f"as of {when(facts.fetched_at)}, {timesince(facts.fetched_at, now)} ago",
        f"status {facts.patron_status}, last charge {facts.last_charge_status}"
        f" on {when(facts.last_charge_date)}, next on {when(facts.next_charge_date)}",
        f"tiers {held or 'none'}; {facts.currently_entitled_amount_cents} cents"
        f" for {facts.pledge_cadence} months",
        f"{facts.campaign_lifetime_support_cents} cents in all,"
        f" since {when(facts.pledge_relationship_start)}",
    ]
    lines += [
        word
        for word, true in [("a gift", facts.is_gifted), ("a trial", facts.is_free_trial)]
        if true
    ]
    if facts.declined_since:
        lines.append(f"declined since {when(facts.declined_since)}")
    if facts.blank_since:
        before = "unknown" if facts.remembered is None else _remembered(facts.remembered, tiers)
        lines.append(f"nothing paid listed since {when(facts.blank_since)}; before: {before}")
    return lines


def _remembered(before: Worth, tiers: Mapping[str, KnownTier]) -> str:
    held = ", ".join(_title(key, tiers) for key in before.prices) or "no tier"
    return f"{held}; {before.amount} cents a month"


def policy_in_words(policy: Policy) -> list[str]:
    """Return the settings that a decision depends on, a line each."""
    spans = {
        "DECLINED_GRACE": policy.declined_grace,
        "BLANK_GRACE": policy.blank_grace,
        "MAX_AGE": policy.max_age,
    }
    counted = {
        "trials": policy.count_trial,
        "gifts": policy.count_gifted,
        "patrons not yet charged": policy.count_uncharged,
        "staff": policy.staff_bypass,
    }
    ignored = [name for name, counts in counted.items() if not counts]
    return [
        ", ".join(f"{name} {span}" for name, span in spans.items()),
        *([f"not counted: {', '.join(ignored)}"] if ignored else []),
    ]


def _title(key: str, tiers: Mapping[str, KnownTier]) -> str:
    known = tiers.get(key)
    return f"{known.title} {key}" if known and known.title else key


def when(moment: datetime | None) -> str:
    """Return a time in the active zone; "-" for None."""
    return "-" if moment is None else f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"
