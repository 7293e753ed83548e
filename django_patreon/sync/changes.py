"""What a reading changes about a membership. No database: rows go in, changes come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django_patreon.entitlement import grace_start, is_declined
from django_patreon.models import Membership, MembershipEvent

from .readings import Reading

__all__ = ["ERASED", "Change", "Prices", "change_of"]

Kind = MembershipEvent.Kind
Prices = Mapping[str, int | None]
"""Cents a month by the id of a tier."""
ERASED = {"full_name": "", "email": "", "note": ""}
"""The columns that say who somebody is, and their values after an erasure."""
_UNKNOWN = Membership()
"""What is known of a membership that is not known."""
_TOLD = {
    "status": "patron_status",
    "charge": "last_charge_status",
    "cents": "currently_entitled_amount_cents",
    "months": "pledge_cadence",
}
"""What an event keeps, beside the tiers, and the columns that it is from."""


@dataclass(slots=True)
class Change:
    """What one reading makes of one membership."""

    reading: Reading
    row: Membership | None
    """The row as it was; None for a new one."""
    columns: dict[str, Any]
    """All columns that the reading gives a value."""
    tiers_before: Prices
    tiers: Prices
    changed: set[str] = field(default_factory=set)
    """Names of the columns whose value is another one now, and "tiers"."""

    @property
    def is_new(self) -> bool:
        return self.row is None

    @property
    def paid_before(self) -> bool:
        row = self.row or _UNKNOWN
        return _pays(row.currently_entitled_amount_cents, self.tiers_before)

    @property
    def pays(self) -> bool:
        return _pays(self.columns["currently_entitled_amount_cents"], self.tiers)

    def event(self, *, is_news: bool) -> dict[str, Any] | None:
        """Return `kind`, `before` and `after` of the event; None when nothing of that changed.

        `is_news`: all members were known before, so a new one has just joined.
        """
        row = self.row or _UNKNOWN
        before = {name: getattr(row, column) for name, column in _TOLD.items()}
        after = {name: self.columns.get(column, before[name]) for name, column in _TOLD.items()}
        before["tiers"], after["tiers"] = sorted(self.tiers_before), sorted(self.tiers)
        if before == after:
            return None
        kind = Kind.CHANGED
        if self.pays and not self.paid_before:
            known = self.row is not None or is_news
            kind = Kind.JOINED if known else Kind.FOUND
        elif self.paid_before and not self.pays:
            kind = Kind.LEFT
        elif self.row is None:
            kind = Kind.FOUND
        return {"kind": kind.value, "before": before if self.row else None, "after": after}


def change_of(
    reading: Reading,
    row: Membership | None,
    tiers_before: Prices,
    prices: Prices,
    *,
    account_id: int | None,
    fetched_at: datetime,
    is_erased: bool = False,
) -> Change | None:
    """Return what a reading changes; None when something newer is known.

    `prices` are those of all tiers that readings name, `account_id` is that of the person here.
    `is_erased`: the person's name, e-mail and note are not to be kept.
    """
    if row is not None and row.fetched_at > fetched_at:
        return None
    known = row or _UNKNOWN
    columns = dict(reading.columns)
    if reading.user_id:
        columns |= {"patreon_user_id": reading.user_id, "account_id": account_id}
    if is_erased:
        columns |= {**ERASED, "is_erased": True}
    if reading.tier_ids is not None:
        tiers: Prices = {key: prices[key] for key in reading.tier_ids}
    else:
        # A gift has an amount of 0 cents until it ends (observed).
        is_gift = columns.get("is_gifted") and columns["patron_status"] == "active_patron"
        amount = columns["currently_entitled_amount_cents"] or 0
        tiers = tiers_before if amount > 0 or is_gift else {}
    columns |= _listed_before(
        known, tiers_before, tiers, columns["currently_entitled_amount_cents"], fetched_at
    )
    columns["declined_since"] = _declined_since(known, columns, fetched_at)
    change = Change(reading, row, columns, tiers_before, tiers)
    if row is None:
        change.changed.update(columns)
    else:
        change.changed.update(n for n, value in columns.items() if getattr(row, n) != value)
    if tiers.keys() != tiers_before.keys():
        change.changed.add("tiers")
    return change


def _pays(cents: int | None, tiers: Prices) -> bool:
    return (cents or 0) > 0 or _any_is_paid(tiers)


def _any_is_paid(tiers: Prices) -> bool:
    return any(price is not None and price > 0 for price in tiers.values())


def _listed_before(
    row: Membership, before: Prices, after: Prices, amount: int | None, fetched_at: datetime
) -> dict[str, Any]:
    """Return new values of `remembered` and `blank_since`, as far as they change (T12).

    They are set by the first answer that no longer lists what was listed before, and cleared by
    the next one that lists something paid.
    """
    had_tiers, has_tiers = _any_is_paid(before), _any_is_paid(after)
    had_amount, has_amount = (row.currently_entitled_amount_cents or 0) > 0, (amount or 0) > 0
    remembers_tiers = bool(row.remembered and row.remembered["tiers"])
    if has_tiers or (has_amount and not had_tiers and not remembers_tiers):
        return {"blank_since": None, "remembered": None}
    if had_tiers or had_amount:
        if row.remembered and not had_tiers:
            return {}  # the tiers had gone earlier, now the amount has: keep what was there first
        return {
            "blank_since": fetched_at,
            "remembered": {
                "tiers": dict(before),
                "cents": row.currently_entitled_amount_cents or 0,
                "months": row.pledge_cadence,
            },
        }
    return {} if row.blank_since is not None else {"blank_since": fetched_at, "remembered": None}


def _declined_since(
    row: Membership, columns: Mapping[str, Any], fetched_at: datetime
) -> datetime | None:
    """Return the new `declined_since` of a row that still holds the values of before.

    The earliest known start is kept, so the grace gets no longer if the same decline, or another
    try of the same charge, is read again. A decline after a new payment begins a new grace.
    """
    names = ("patron_status", "last_charge_status", "last_charge_date")
    status, charge, charged = (columns.get(name, getattr(row, name)) for name in names)
    if not is_declined(status, charge):
        return None
    start = grace_start(charge, charged, fetched_at)
    if not is_declined(row.patron_status, row.last_charge_status):
        return start
    # Rows that were written before this column existed have None.
    first_seen = row.declined_since or row.fetched_at
    known = grace_start(row.last_charge_status, row.last_charge_date, first_seen)
    given_before = row.campaign_lifetime_support_cents
    given = columns.get("campaign_lifetime_support_cents")
    has_given_more = given is not None and given_before is not None and given > given_before
    has_paid = charge == "Paid" and charged is not None and charged > known
    return start if has_given_more or has_paid else min(start, known)
