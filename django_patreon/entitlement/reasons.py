"""The reasons of decisions. `access.words` has a sentence for each."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Reason"]


class Reason(StrEnum):
    """Why a gate is open or closed. The values are stable: they may be stored and compared."""

    # The site decided.
    PUBLIC = "public"
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

    # The membership does not open anything paid.
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

    # The membership opens something, but the rule asks for more.
    UNKNOWN_TIER = "unknown_tier"
    OTHER_TIER = "other_tier"
    HIGHER_TIER = "higher_tier"
    MORE_A_MONTH = "more_a_month"
    MORE_SUPPORT = "more_support"
    JOINED_LATER = "joined_later"

    @property
    def opens(self) -> bool:
        """True if a decision with this reason lets the person in."""
        return self in _OPENING


_OPENING = frozenset(
    {
        Reason.PUBLIC,
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
