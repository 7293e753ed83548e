"""The page before a closed gate: why, what is missing, what they have, and how to go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.shortcuts import render

from django_patreon.entitlement import Decision, Evaluation, Facts, Reason, Requirement
from django_patreon.models import page_address

from .loading import Known, KnownCampaign, KnownTier, look_up
from .patron import Patron
from .words import SENTENCES, has_in_words, heading, needs_in_words, sentence

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

__all__ = ["explained", "locked_page"]

_UNSURE = frozenset(
    {Reason.NEEDS_RECONNECT, Reason.TOO_OLD, Reason.UNKNOWN_STATUS, Reason.UNKNOWN_CHARGE}
)
"""We do not know how things stand: no tier is the cure, asking Patreon is."""
_UNPAID = frozenset({Reason.DECLINED, Reason.CHARGE_FAILED})
"""They have chosen a tier already: paying for it is the cure."""
_SHORT = frozenset({Reason.OTHER_TIER, Reason.HIGHER_TIER, Reason.MORE_A_MONTH})
_HELPLESS = frozenset({Reason.DENIED, Reason.UNKNOWN_TIER})
"""Whatever Patreon says, it stays closed."""


def locked_page(
    request: HttpRequest,
    decision: Decision,
    *,
    patron: Patron,
    campaign_id: str | None = None,
    come_back_to: str | None = None,
    status: int = 403,
    row: Any = None,
) -> HttpResponse:
    """Show a decision to the person, about the campaign of its gate.

    A `row` that has a `teaser` is shown by its name and that text.
    No query of its own, but where a site has more campaigns than come along with every gate.
    """
    if come_back_to is None:
        come_back_to = request.get_full_path() if request.method in ("GET", "HEAD") else ""
    context = explained(decision, patron=patron, campaign_id=campaign_id)
    teaser = getattr(row, "teaser", None)
    if teaser is not None:
        context |= {"title": str(row), "teaser": teaser}
    return render(
        request, "django_patreon/locked.html", context | {"next": come_back_to}, status=status
    )


def explained(
    decision: Decision, *, patron: Patron, campaign_id: str | None = None
) -> dict[str, Any]:
    """Return what there is to say about a decision: the context of the locked page."""
    known, facts = patron.known, patron.facts(campaign_id)
    campaign, tiers = _about(known, facts.campaign_id)
    is_blank = decision.reason is Reason.BLANK or (decision.reason in _SHORT and _is_blank(facts))
    is_known = decision.reason not in _UNSURE
    is_sure = is_known and not is_blank
    needs = decision.needs if is_sure else None
    is_unpaid = decision.reason in _UNPAID
    return {
        "decision": decision,
        "heading": heading(known.name_to_say(campaign), is_open=decision.allowed),
        "why": str(SENTENCES[Reason.BLANK]) if is_blank else sentence(decision),
        "needs": needs_in_words(needs, tiers, campaign.currency),
        "has": has_in_words(facts, tiers, campaign.currency) if is_known else [],
        "currency": campaign.currency,
        "offers": [] if is_unpaid else _offers(needs, tiers.values(), facts.campaign_id),
        "payment_url": page_address(campaign.url) if is_unpaid else "",
        "is_signed_out": decision.reason is Reason.ANONYMOUS,
        "is_linked": known.is_linked and not known.needs_reconnect,
        "needs_reconnect": known.needs_reconnect,
        "says_reconnect": decision.reason is Reason.NEEDS_RECONNECT,
        "may_have_joined": is_sure and not is_unpaid and not decision.allowed,
        "can_help": not (
            decision.reason in _HELPLESS
            or _is_impossible(decision, known, facts.campaign_id)
            or _joined_later(decision, facts)
        ),
    }


def _about(known: Known, campaign_id: str | None) -> tuple[KnownCampaign, Mapping[str, KnownTier]]:
    """Find what there is to say of a campaign and its tiers, and whatever else is known."""
    if not campaign_id or campaign_id in known.campaigns:
        return known.campaigns.get(campaign_id or "", KnownCampaign("")), known.tiers
    found = look_up(campaign_id)
    return (KnownCampaign(campaign_id), known.tiers) if found is None else found


def _is_blank(facts: Facts) -> bool:
    """Do they pay for something that Patreon has not named, and never has?"""
    paying = [each for each in Evaluation(facts).membership.standings if each.pays]
    return bool(paying) and all(
        each.reason is Reason.BLANK_GRACE and not each.monthly_cents for each in paying
    )


def _joined_later(decision: Decision, facts: Facts) -> bool:
    """Is it known when they joined? Else Patreon may yet say that it was in time."""
    found = Evaluation(facts).membership.standings
    return decision.reason is Reason.JOINED_LATER and any(each.member_since for each in found)


def _is_impossible(decision: Decision, known: Known, campaign_id: str | None) -> bool:
    """Is the rule itself a slip? It means no campaign, or names tiers of none or of another."""

    def is_anothers(tier: str) -> bool:
        return tier in known.tiers and known.tiers[tier].campaign_id != campaign_id

    needs = decision.needs or Requirement()
    if needs.tiers is not None and all(is_anothers(each) for each in needs.tiers):
        return True
    if decision.reason is Reason.UNKNOWN_CAMPAIGN:
        # On a new site it is None, and who connects may make it known.
        return campaign_id == "" or any(each.is_ours for each in known.campaigns.values())
    named = needs.at_least
    return named is not None and named.amount_cents is None and is_anothers(named.id)


def _offers(
    needs: Requirement | None, tiers: Iterable[KnownTier], campaign_id: str | None
) -> list[KnownTier]:
    """Pick the tiers that would open the gate: those named, or the cheapest that is enough."""
    if needs is None or needs.lifetime_cents is not None or needs.since is not None:
        return []  # what is over cannot be bought
    sold = [each for each in tiers if each.published and each.campaign_id == campaign_id]
    if needs.tiers is not None:
        return [each for each in sold if each.id in needs.tiers]
    named = needs.at_least
    if named is not None and named.amount_cents is None:
        return [each for each in sold if each.id == named.id]
    least = max(needs.cents or 1, (named.amount_cents or 0) if named else 1)
    enough = [each for each in sold if (each.amount_cents or 0) >= least]
    return sorted(enough, key=lambda each: (each.amount_cents or 0, each.id))[:1]
