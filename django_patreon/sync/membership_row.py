"""Writing one row of `Membership`, and what it remembers of earlier answers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import router, transaction
from django.db.models import Prefetch

from django_patreon.entitlement import CHARGES, STATUSES, grace_start, is_declined
from django_patreon.models import Membership, Tier
from django_patreon.signals import membership_changed

__all__ = ["Saved", "locked_memberships", "write_membership"]

logger = logging.getLogger("django_patreon")


@dataclass
class Saved:
    """How many memberships of an answer were created, changed, unchanged or ignored."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    ignored: int = 0
    """The answer is older than the row, or names no campaign."""


def locked_memberships(**which: Any) -> dict[str, Membership]:
    """Return rows with their tiers, by Patreon's id, and lock them until the transaction ends.

    Not from a replica, which may be behind: what is found decides what is written.
    """
    using = router.db_for_write(Membership)
    tiers = Prefetch("tiers", Tier.objects.using(using))
    rows = Membership.objects.using(using).select_for_update().filter(**which)
    return {each.patreon_id: each for each in rows.order_by("patreon_id").prefetch_related(tiers)}


def write_membership(
    row: Membership,
    columns: dict[str, Any],
    tiers: list[Tier] | None,
    fetched_at: datetime,
    saved: Saved,
) -> Membership:
    """Save a new row, or update one of `locked_memberships` unless it is newer than `fetched_at`.

    `tiers` are the entitled ones; None: the answer did not name any. Counts in `saved` what was
    done, sends `membership_changed` after the commit, and returns the row.
    """
    is_new = row._state.adding
    if not is_new and row.fetched_at > fetched_at:
        saved.ignored += 1
        return row
    before, account_before = ([] if is_new else list(row.tiers.all())), row.account_id
    if tiers is None:
        # A gift has an amount of 0 cents until it ends (observed).
        is_gift = columns.get("is_gifted") and columns["patron_status"] == "active_patron"
        amount = columns["currently_entitled_amount_cents"] or 0
        tiers = before if amount > 0 or is_gift else []
    amount = columns["currently_entitled_amount_cents"]
    columns |= _listed_before(row, before, tiers, amount, fetched_at)
    columns["declined_since"] = _declined_since(row, columns, fetched_at)
    changed = {name for name, value in columns.items() if is_new or getattr(row, name) != value}
    for name, value in columns.items():
        setattr(row, name, value)
    row.fetched_at = fetched_at
    row.save(force_insert=is_new, update_fields=None if is_new else {*changed, "fetched_at"})
    gained = [each for each in tiers if each not in before]
    lost = [each for each in before if each not in tiers]
    if gained or lost:  # not by `set`, which reads once more what is held
        row.tiers.remove(*lost)
        row.tiers.add(*gained)
        changed.add("tiers")
    _warn_of_unknown_values(row, changed)
    if is_new or changed:
        transaction.on_commit(
            partial(
                membership_changed.send_robust,
                sender=Membership,
                membership=row,
                created=is_new,
                changed=frozenset(changed),
                account_before=account_before,
            ),
            using=router.db_for_write(Membership),
        )
    saved.created += is_new
    saved.changed += bool(changed) and not is_new
    saved.unchanged += not changed and not is_new
    return row


def _warn_of_unknown_values(row: Membership, changed: set[str]) -> None:
    """Log a status that the rule does not know, once: it opens no gate until the rule does."""
    for name, known in (("patron_status", STATUSES), ("last_charge_status", CHARGES)):
        value = getattr(row, name)
        if name in changed and value not in known:
            logger.warning(
                "Patreon says %s %r of membership %s, which nobody knows: it opens nothing",
                name,
                value,
                row.patreon_id,
            )


def _listed_before(
    row: Membership,
    before: list[Tier],
    after: list[Tier],
    amount: int | None,
    fetched_at: datetime,
) -> dict[str, Any]:
    """Return new values of `remembered` and `blank_since`, as far as they change (T12).

    They are set by the first answer that no longer lists what was listed before, and cleared by
    the next one that lists something paid.
    """
    had_tiers, has_tiers = (
        any((t.amount_cents or 0) > 0 for t in each) for each in (before, after)
    )
    had_amount, has_amount = ((x or 0) > 0 for x in (row.currently_entitled_amount_cents, amount))
    remembers_tiers = bool(row.remembered and row.remembered["tiers"])
    if has_tiers or (has_amount and not had_tiers and not remembers_tiers):
        return {"blank_since": None, "remembered": None}
    if had_tiers or had_amount:
        if row.remembered and not had_tiers:
            return {}  # the tiers had gone earlier, now the amount has: keep what was there first
        return {
            "blank_since": fetched_at,
            "remembered": {
                "tiers": {tier.patreon_id: tier.amount_cents for tier in before},
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
