"""Why somebody may come in, or may not: one word each, and one sentence for the person."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

__all__ = ["REASON_TEXTS", "Reason"]


class Reason(StrEnum):
    """What decided. The value is stable: store it, count it, compare with it."""

    # Somebody here decided.
    ANONYMOUS = "anonymous"
    DENIED = "denied"
    GRANTED = "granted"
    STAFF = "staff"
    CREATOR = "creator"

    # We know nothing, or nothing that can be trusted.
    UNKNOWN_CAMPAIGN = "unknown_campaign"
    NOT_LINKED = "not_linked"
    NEEDS_RECONNECT = "needs_reconnect"
    NO_MEMBERSHIP = "no_membership"
    TOO_OLD = "too_old"
    UNKNOWN_STATUS = "unknown_status"
    UNKNOWN_CHARGE = "unknown_charge"

    # The membership opens.
    PAID = "paid"
    PENDING = "pending"
    UNCHARGED = "uncharged"
    TRIAL = "trial"
    GIFT = "gift"
    CANCELLED = "cancelled"
    DECLINED_GRACE = "declined_grace"
    BLANK_GRACE = "blank_grace"
    STILL_ENTITLED = "still_entitled"
    FREE_TIER = "free_tier"

    # The membership does not.
    TRIAL_NOT_COUNTED = "trial_not_counted"
    GIFT_NOT_COUNTED = "gift_not_counted"
    UNCHARGED_NOT_COUNTED = "uncharged_not_counted"
    DECLINED = "declined"
    BLANK = "blank"
    REFUNDED = "refunded"
    FRAUD = "fraud"
    CHARGE_FAILED = "charge_failed"
    FORMER = "former"
    NEVER = "never"

    # It does, but the rule asks for more.
    UNKNOWN_TIER = "unknown_tier"
    OTHER_TIER = "other_tier"
    HIGHER_TIER = "higher_tier"
    MORE_A_MONTH = "more_a_month"
    MORE_SUPPORT = "more_support"
    JOINED_LATER = "joined_later"

    @property
    def opens(self) -> bool:
        """Does a decision with this reason let the person in?"""
        return self in _OPENING


_OPENING = frozenset(
    {
        Reason.GRANTED,
        Reason.STAFF,
        Reason.CREATOR,
        Reason.PAID,
        Reason.PENDING,
        Reason.UNCHARGED,
        Reason.TRIAL,
        Reason.GIFT,
        Reason.CANCELLED,
        Reason.DECLINED_GRACE,
        Reason.BLANK_GRACE,
        Reason.STILL_ENTITLED,
        Reason.FREE_TIER,
    }
)

REASON_TEXTS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.ANONYMOUS: "Please sign in first.",
        Reason.DENIED: "The people who run this site have closed it to you.",
        Reason.GRANTED: "The people who run this site have given you a pass.",
        Reason.STAFF: "You work here.",
        Reason.CREATOR: "This is your own campaign.",
        Reason.UNKNOWN_CAMPAIGN: "This site has not said which campaign opens this.",
        Reason.NOT_LINKED: "Your account here is not linked to Patreon yet.",
        Reason.NEEDS_RECONNECT: "Your link to Patreon has ended; sign in with Patreon again.",
        Reason.NO_MEMBERSHIP: "You are not a member of this campaign on Patreon.",
        Reason.TOO_OLD: "It is too long since we last heard from Patreon about your membership.",
        Reason.UNKNOWN_STATUS: "Patreon describes your membership in a word that we do not know.",
        Reason.UNKNOWN_CHARGE: "Patreon describes your payment in a word that we do not know.",
        Reason.PAID: "You are a patron; thank you.",
        Reason.PENDING: "You are a patron; your payment is under way.",
        Reason.UNCHARGED: "You are a patron; your first payment is still to come.",
        Reason.TRIAL: "You are a patron on a free trial.",
        Reason.GIFT: "Somebody has given you this membership.",
        Reason.CANCELLED: "You have cancelled, and what you have paid for is still yours.",
        Reason.DECLINED_GRACE: (
            "Your last payment was declined; you keep your access for a few days to repair that."
        ),
        Reason.BLANK_GRACE: (
            "Patreon names no tier for you at the moment; you keep the last one for a few days."
        ),
        Reason.STILL_ENTITLED: "Patreon still counts you as entitled.",
        Reason.FREE_TIER: "Your free membership is enough.",
        Reason.TRIAL_NOT_COUNTED: "Free trials do not open this.",
        Reason.GIFT_NOT_COUNTED: "Gifted memberships do not open this.",
        Reason.UNCHARGED_NOT_COUNTED: "This opens when your first payment has been made.",
        Reason.DECLINED: "Your last payment was declined; please check it on Patreon.",
        Reason.BLANK: "Patreon names no tier and no amount for you.",
        Reason.REFUNDED: "Your last payment was refunded.",
        Reason.FRAUD: "Patreon did not accept your last payment; please ask Patreon about it.",
        Reason.CHARGE_FAILED: "Your last payment did not succeed; please check it on Patreon.",
        Reason.FORMER: "Your membership has ended.",
        Reason.NEVER: "You follow this campaign for free; this is for paying patrons.",
        Reason.UNKNOWN_TIER: "This asks for a tier that does not exist, so it is closed to all.",
        Reason.OTHER_TIER: "This is for another tier than yours.",
        Reason.HIGHER_TIER: "This is for a higher tier than yours.",
        Reason.MORE_A_MONTH: "This is for patrons who give more a month.",
        Reason.MORE_SUPPORT: "This is for people who have given more in all.",
        Reason.JOINED_LATER: "This is for people who joined earlier than you.",
    }
)
"""What to tell the person, in English; whoever shows it translates it."""
