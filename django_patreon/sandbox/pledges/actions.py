"""The actions of people, such as pledging or cancelling, and when an action is impossible."""

from __future__ import annotations

from typing import Any

from django_patreon.sandbox.world.models import Member, Tier

__all__ = ["ACTIONS", "options", "why_impossible"]

ACTIONS = {
    # action: (description, "tier" if it needs one)
    "join": ("become a free member", ""),
    "pledge": ("begin to pay for a tier", "tier"),
    "change": ("change to another tier", "tier"),
    "cancel": ("cancel; the paid period runs out", ""),
    "cancel_now": ("cancel and lose everything at once", ""),
    "decline": ("have a charge declined", ""),
    "pay": ("have a charge succeed", ""),
    "gift": ("be given a tier", "tier"),
    "trial": ("begin a free trial", "tier"),
    "refund": ("get the last payment back", ""),
    "delete": ("leave", ""),
}
_OPTIONS = {
    "pledge": {"tier", "cadence"},
    "change": {"tier"},
    "gift": {"tier", "days"},
    "trial": {"tier", "days"},
}


def why_impossible(action: str, member: Member | None, tier: Tier | None) -> str:
    """Return why a person cannot do this; empty if they can. `member` is None if they are none."""
    if ACTIONS[action][1] and not isinstance(tier, Tier):
        return f"needs a tier to {action}"
    if tier is not None and tier.amount_cents == 0:
        return f"cannot {action} a tier that costs nothing"
    if member is None:
        possible = action in ("join", "pledge", "gift", "trial")
        return "" if possible else "is no member of that campaign"
    pledged = member.patron_status in ("active_patron", "declined_patron")
    if action == "join":
        return "is a member already"
    if action == "cancel" and member.ends == "period":
        return "has cancelled already"
    if action in ("cancel", "cancel_now") and not (pledged or member.ends == "period"):
        return "has nothing that could be cancelled"
    is_paid_for = pledged or (action == "change" and member.ends == "period")
    if action in ("change", "decline") and not (is_paid_for and member.pledge_cadence):
        return "has no pledge"
    if action == "pay" and not (member.pledged_tier_id or member.will_pay_amount_cents):
        return "has no pledge to pay for"
    if action == "refund" and not member.campaign_lifetime_support_cents:
        return "has paid nothing that could be refunded"
    return ""


def options(action: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the given options that this action takes. Those that are None are left out."""
    known = _OPTIONS.get(action, set())
    return {name: value for name, value in given.items() if name in known and value is not None}
