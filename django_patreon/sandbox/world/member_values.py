"""The values that a member's attributes can have; scenario and state files are checked."""

from __future__ import annotations

from typing import Any

__all__ = ["CHARGE_STATUSES", "PATRON_STATUSES", "check_member_value"]

PATRON_STATUSES = ("active_patron", "declined_patron", "former_patron")
CHARGE_STATUSES = (
    "Paid",
    "Declined",
    "Deleted",
    "Pending",
    "Refunded",
    "Fraud",
    "Refunded by Patreon",
    "Other",
    "Partially Refunded",
    "Free Trial",
    "Refund Pending",
    "Refund Declined",
)
_CHOICES: dict[str, tuple[Any, ...]] = {
    "patron_status": (None, *PATRON_STATUSES),
    "last_charge_status": (None, *CHARGE_STATUSES),
    "pledge_cadence": (None, 1, 12),  # months (official)
}
_CAN_BE_NULL = frozenset(
    {
        *_CHOICES,
        "ends_at",
        "pledged_tier_id",
        "currently_entitled_amount_cents",
        "last_charge_date",
        "next_charge_date",
        "pledge_relationship_start",
    }
)
_MOST_CENTS = 10**12


def check_member_value(name: str, value: Any) -> None:
    """Raise `ValueError` if the attribute cannot have this value. Its type is checked already."""
    choices = _CHOICES.get(name, ())
    if choices and value not in choices:
        names = ", ".join("null" if each is None else str(each) for each in choices)
        raise ValueError(f"must be one of: {names}")
    if value is None and name not in _CAN_BE_NULL:
        raise ValueError("must not be null")
    if name.endswith("_cents") and value is not None and not 0 <= value <= _MOST_CENTS:
        raise ValueError(f"must be 0 to {_MOST_CENTS}")
