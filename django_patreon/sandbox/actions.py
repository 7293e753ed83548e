"""What people can do, and why somebody cannot."""

from __future__ import annotations

from typing import Any

from .things import Member, Tier

__all__ = ["ACTIONS", "obstacle", "options"]

ACTIONS = {
    # what: what it means, and what it needs
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


def obstacle(what: str, member: Member | None, tier: Tier | None) -> str:
    """Why somebody cannot do that; empty when they can."""
    if ACTIONS[what][1] and not isinstance(tier, Tier):
        return f"needs a tier to {what}"
    if tier is not None and tier.amount_cents == 0:
        return f"cannot {what} a tier that costs nothing"
    if member is None:
        starts = ("join", "pledge", "gift", "trial")
        return "" if what in starts else "is no member of that campaign"
    pledged = member.patron_status in ("active_patron", "declined_patron")
    if what == "join":
        return "is a member already"
    if what == "cancel" and member.ends == "period":
        return "has cancelled already"
    if what in ("cancel", "cancel_now") and not (pledged or member.ends == "period"):
        return "has nothing that could be cancelled"
    still_runs = what == "change" and member.ends == "period"
    if what in ("change", "decline") and not ((pledged or still_runs) and member.pledge_cadence):
        return "has no pledge"
    if what == "pay" and not (member.pledged_tier_id or member.will_pay_amount_cents):
        return "has no pledge to pay for"
    if what == "refund" and not member.campaign_lifetime_support_cents:
        return "has paid nothing that could be refunded"
    return ""


def options(what: str, given: dict[str, Any]) -> dict[str, Any]:
    wanted = {"tier", "cadence", "days"} & {
        "pledge": {"tier", "cadence"},
        "change": {"tier"},
        "gift": {"tier", "days"},
        "trial": {"tier", "days"},
    }.get(what, set())
    return {name: value for name, value in given.items() if name in wanted and value is not None}
