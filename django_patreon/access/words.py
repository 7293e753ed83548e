"""Reasons and rules, in sentences for the person they are about."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_patreon.entitlement import Decision, Evaluation, Facts, Reason, Requirement, Worth

from .loading import KnownTier

__all__ = [
    "SENTENCES",
    "amount_in_words",
    "has_in_words",
    "heading",
    "needs_in_words",
    "sentence",
    "tell_the_operator",
]

logger = logging.getLogger("django_patreon")

SENTENCES: Mapping[Reason, Any] = {
    Reason.PUBLIC: _("This is open to everybody."),
    Reason.ANONYMOUS: _("Please sign in first."),
    Reason.DENIED: _("The people who run this site have closed it to you."),
    Reason.GRANTED: _("The people who run this site have given you a pass."),
    Reason.STAFF: _("You work here."),
    Reason.CREATOR: _("This is your own campaign."),
    Reason.UNKNOWN_CAMPAIGN: _(
        "This site is not ready for its patrons yet. Please come back later, or ask the people who"
        " run it."
    ),
    Reason.NOT_LINKED: _("Your account here is not linked to Patreon yet."),
    Reason.NEEDS_RECONNECT: _(
        "Your connection to Patreon has ended. Please connect Patreon again."
    ),
    Reason.NO_MEMBERSHIP: _("You are not a member of this campaign on Patreon."),
    Reason.TOO_OLD: _("It is too long since we last heard from Patreon about your membership."),
    Reason.UNKNOWN_STATUS: _("Patreon describes your membership in a word that we do not know."),
    Reason.UNKNOWN_CHARGE: _("Patreon describes your payment in a word that we do not know."),
    Reason.PAID: _("You are a patron; thank you."),
    Reason.PENDING: _("You are a patron; your payment is under way."),
    Reason.UNCHARGED: _("You are a patron; your first payment is still to come."),
    Reason.TRIAL: _("You are a patron on a free trial."),
    Reason.GIFT: _("Somebody has given you this membership."),
    Reason.CANCELLED: _("You have cancelled, and what you have paid for is still yours."),
    Reason.DECLINED_GRACE: _(
        "Your last payment was declined; you keep your access for a few days to repair that."
    ),
    Reason.BLANK_GRACE: _(
        "Patreon names no tier for you at the moment; you keep the last one for a few days."
    ),
    Reason.STILL_ENTITLED: _("Patreon still counts you as entitled."),
    Reason.FREE_TIER: _("Your free membership is enough."),
    Reason.TRIAL_NOT_COUNTED: _("Free trials do not open this."),
    Reason.GIFT_NOT_COUNTED: _("Gifted memberships do not open this."),
    Reason.UNCHARGED_NOT_COUNTED: _("This opens when your first payment has been made."),
    Reason.DECLINED: _("Your last payment was declined; please check it on Patreon."),
    Reason.BLANK: _("Patreon names no tier and no amount for you."),
    Reason.REFUNDED: _("Your last payment was refunded."),
    Reason.FRAUD: _("Patreon did not accept your last payment; please ask Patreon about it."),
    Reason.CHARGE_FAILED: _("Your last payment did not succeed; please check it on Patreon."),
    Reason.FORMER: _("Your membership has ended."),
    Reason.NEVER: _("You follow this campaign for free; this is for paying patrons."),
    Reason.UNKNOWN_TIER: _("This asks for a tier that does not exist, so it is closed to all."),
    Reason.OTHER_TIER: _("This is for another tier than yours."),
    Reason.HIGHER_TIER: _("This is for a higher tier than yours."),
    Reason.MORE_A_MONTH: _("This is for patrons who give more a month."),
    Reason.MORE_SUPPORT: _("This is for people who have given more in all."),
    Reason.JOINED_LATER: _("This is for people who joined earlier than you."),
}


def heading(campaign: str, *, is_open: bool) -> str:
    """Head what is said of a membership; the name of the campaign where there are many, else ""."""
    if is_open:
        if campaign:
            return gettext("Your membership of %(campaign)s") % {"campaign": campaign}
        return gettext("Your membership")
    if campaign:
        return gettext("For patrons of %(campaign)s") % {"campaign": campaign}
    return gettext("For patrons")


def sentence(decision: Decision) -> str:
    """Say why, to the person."""
    return str(SENTENCES[decision.reason])


def needs_in_words(
    needs: Requirement | None, tiers: Mapping[str, KnownTier], currency: str = ""
) -> list[str]:
    """Say what is missing: each item completes "You need ..."."""
    if needs is None or needs.tiers == frozenset():
        return []
    found = []
    if needs.tiers is not None:
        titles = sorted(_title(each, tiers) for each in needs.tiers)
        found.append(
            gettext("the tier %s") % titles[0]
            if len(titles) == 1
            else gettext("one of the tiers %s") % ", ".join(titles)
        )
    if needs.at_least is not None:
        found.append(gettext("the tier %s or a higher one") % _title(needs.at_least.id, tiers))
    if needs.cents is not None:
        amount = amount_in_words(needs.cents, currency)
        found.append(gettext("a pledge of at least %s a month") % amount)
    if needs.lifetime_cents is not None:
        found.append(gettext("%s given in all") % amount_in_words(needs.lifetime_cents, currency))
    if needs.since is not None:
        found.append(gettext("to have joined by %s") % date_format(needs.since, "DATE_FORMAT"))
    return found or [gettext("a paid membership")]


def has_in_words(facts: Facts, tiers: Mapping[str, KnownTier], currency: str = "") -> list[str]:
    """Say what there is already, of this campaign: each item completes "You have ..."."""
    found = []
    for each in facts.memberships:
        if each.campaign_id != facts.campaign_id:
            continue
        worth = each.listed
        before = each.remembered
        counts = before is not None and not worth.paid_ids and _still_counts(before, facts)
        if worth.pays or not counts:
            found += _worth_in_words(worth, tiers, currency)
        if before is not None and counts:
            words = _worth_in_words(before, tiers, currency)
            remembered = gettext("%s (remembered; Patreon does not list it now)")
            found += [remembered % what for what in words if what not in found]
    for grant in facts.grants:
        here = grant.campaign_id in (None, facts.campaign_id)
        if grant.deny or not here or not grant.is_in_force(facts.now):
            continue
        if grant.tier is not None:
            found.append(gettext("a pass for the tier %s") % _title(grant.tier.id, tiers))
        if grant.cents is not None:
            found.append(gettext("a pass for %s a month") % amount_in_words(grant.cents, currency))
    return found


def _still_counts(before: Worth, facts: Facts) -> bool:
    """Does what Patreon no longer lists open gates still?"""
    return any(
        each.pays and each.tier_ids >= before.paid_ids and each.monthly_cents >= before.monthly
        for each in Evaluation(facts).membership.standings
    )


def _worth_in_words(worth: Worth, tiers: Mapping[str, KnownTier], currency: str) -> list[str]:
    prices = {key: price or 0 for key, price in worth.prices.items()}
    # Everybody holds the free tier, too (observed): of a patron it is not worth saying.
    held = worth.paid_ids or prices.keys()
    found = [_title(key, tiers) for key in sorted(held, key=lambda key: (-prices[key], key))]
    if worth.amount > max(prices.values(), default=0):
        found.append(gettext("a pledge of %s a month") % amount_in_words(worth.amount, currency))
    return found


def _title(key: str, tiers: Mapping[str, KnownTier]) -> str:
    known = tiers.get(key)
    return (known.title if known else "") or key


def amount_in_words(cents: int, currency: str) -> str:
    """Return "5 EUR" or "5.50 EUR", with the number as the reader's language writes it."""
    amount = number_format(Decimal(cents) / 100, decimal_pos=2 if cents % 100 else 0)
    return f"{amount} {currency}" if currency else amount


@cache
def tell_the_operator() -> None:
    """Log it once in the life of a process: visitors can do nothing about it, and are many."""
    logger.warning(
        "Gates that name no campaign are closed to everybody: this site has no campaign that they"
        " mean, or several. Let the creator sign in with Patreon, or set PATREON['CAMPAIGN_ID']."
    )
