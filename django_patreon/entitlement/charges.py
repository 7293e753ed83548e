"""Patreon's values of `patron_status` and `last_charge_status`, and what they mean for the rule."""

from __future__ import annotations

from datetime import datetime

__all__ = [
    "ACTIVE",
    "CALM_CHARGES",
    "CHARGES",
    "DECLINED",
    "DECLINED_PATRON",
    "FORMER_PATRON",
    "PERIOD_CHARGES",
    "RETURNED_CHARGES",
    "STATUSES",
    "STILL_PAID",
    "grace_start",
    "is_declined",
]

ACTIVE, DECLINED_PATRON, FORMER_PATRON = "active_patron", "declined_patron", "former_patron"
STATUSES = frozenset({ACTIVE, DECLINED_PATRON, FORMER_PATRON, None})
"""All values of `patron_status` that the rule knows. None: the person has never pledged."""

DECLINED = "Declined"
RETURNED_CHARGES = frozenset({"Refunded", "Refunded by Patreon", "Partially Refunded"})
PERIOD_CHARGES = frozenset({"Paid", "Pending", "Free Trial", "Deleted"})
"""Last charges that may have paid for a period which outlives the pledge. A cancelled pledge says
"Deleted", whatever its last charge was (observed)."""
CALM_CHARGES = frozenset({"Paid", "Pending", "Free Trial", None})
"""Last charges that give no reason for an entitlement to disappear. On the first of a month they
are "Paid", for the month before, or "Pending", and the next charge's date has just passed
(observed)."""
STILL_PAID = frozenset({"Refund Pending", "Refund Declined"})
"""Refunds that have not happened: the charge counts as "Paid" until it is "Refunded" (official)."""
CHARGES = RETURNED_CHARGES | PERIOD_CHARGES | STILL_PAID | {DECLINED, "Fraud", "Other", None}
"""All values of `last_charge_status` that the rule knows. None: the person was never charged."""


def is_declined(patron_status: str | None, last_charge_status: str | None) -> bool:
    """Return True if one of the two values says that the card was declined.

    The status may say so while the last charge is still "Paid", or the other way round.
    """
    return patron_status == DECLINED_PATRON or last_charge_status == DECLINED


def grace_start(
    last_charge_status: str | None, last_charge_date: datetime | None, first_seen: datetime
) -> datetime:
    """Return when the grace of a declined membership begins.

    It begins with the last charge, if that one was declined and has a date. Otherwise it begins at
    `first_seen`, when Patreon first told us that the card was declined: the date of a charge that
    succeeded says nothing about it. It never begins later than `first_seen`.
    """
    if last_charge_status == DECLINED and last_charge_date is not None:
        return min(last_charge_date, first_seen)
    return first_seen
