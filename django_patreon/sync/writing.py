"""Writing memberships: one way, however many there are.

A fixed number of statements for any number of readings, so a page of a thousand members costs about
as many as one sign-in.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import models, router, transaction

from django_patreon.entitlement import CHARGES, STATUSES
from django_patreon.models import (
    Membership,
    MembershipEvent,
    PatreonAccount,
    Source,
    Tier,
)
from django_patreon.signals import membership_changed, memberships_changed

from .changes import Change, change_of
from .erasure import erased_people
from .readings import Reading
from .sql import insert, update_memberships

__all__ = ["Saved", "apply", "locked_memberships", "plan"]

logger = logging.getLogger("django_patreon")

_HELD = Membership.tiers.through


@dataclass
class Saved:
    """How many memberships an answer was about."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    ignored: int = 0
    """Older than what is known, or of no campaign."""
    ended: int = 0
    """Of the changed ones, those that no longer pay."""

    def count(self, changes: Iterable[Change]) -> None:
        for each in changes:
            self.created += each.is_new
            self.changed += bool(each.changed) and not each.is_new
            self.unchanged += not each.changed
            self.ended += each.paid_before and not each.pays


def plan(
    readings: Sequence[Reading],
    tiers: Mapping[str, Tier],
    *,
    fetched_at: datetime,
    saved: Saved,
    accounts: Mapping[str, int] | None = None,
    rows: Mapping[str, Membership] | None = None,
) -> list[Change]:
    """Return what the readings change, and count it in `saved`. Four statements at most.

    `tiers` are the rows of all tiers that they name. `accounts` (the keys of the people's accounts,
    by Patreon's id, none of them erased) and `rows` (of the memberships) are for callers that have
    read them already; rows that will be written must be locked, as `locked_memberships` does.
    """
    using = router.db_for_write(Membership)
    if rows is None:
        rows = locked_memberships(models.Q(patreon_id__in=[each.patreon_id for each in readings]))
    erased: set[str] = set()
    if accounts is None:
        accounts = _accounts_of(readings, using)
        new = {each.user_id for each in readings if each.user_id and each.patreon_id not in rows}
        erased = erased_people(new, using)
    before = _tiers_of(rows.values(), using)
    prices = {key: each.amount_cents for key, each in tiers.items()}
    found: list[Change] = []
    for each in readings:
        row = rows.get(each.patreon_id)
        held = {} if row is None else before.get(row.pk, {})
        change = change_of(
            each,
            row,
            held,
            held | prices,
            account_id=accounts.get(each.user_id),
            fetched_at=fetched_at,
            is_erased=each.user_id in erased if row is None else row.is_erased,
        )
        if change is None:
            saved.ignored += 1
        else:
            found.append(change)
    saved.count(found)
    return found


def locked_memberships(which: models.Q) -> dict[str, Membership]:
    """Return rows by Patreon's id, and lock them until the transaction ends.

    Not from a replica, which may be behind: what is found decides what is written.
    """
    rows = Membership.objects.using(router.db_for_write(Membership)).select_for_update()
    return {each.patreon_id: each for each in rows.filter(which).order_by("patreon_id")}


def apply(
    changes: Sequence[Change],
    tiers: Mapping[str, Tier],
    *,
    fetched_at: datetime,
    source: Source,
    is_news: bool = False,
) -> dict[str, int]:
    """Write the changes, and return the keys of their rows by Patreon's id.

    After the commit, `membership_changed` is sent for each. `is_news` is as in `Change.event`. To
    be called in the transaction in which they were planned. Eight statements at most.
    """
    using = router.db_for_write(Membership)
    stamps = {"fetched_at": fetched_at, "seen_by": source.value}
    new = [each for each in changes if each.is_new]
    known = [each for each in changes if each.row is not None]
    if new:
        insert(
            Membership,
            [_BLANK | each.columns | stamps | _keys_of(each.reading) for each in new],
            using,
        )
        # Locked: the latest, also where a transaction otherwise sees the past.
        written = Membership.objects.using(using).select_for_update()
        written = written.filter(patreon_id__in=[each.reading.patreon_id for each in new])
        keys = dict(written.values_list("patreon_id", "pk"))
    else:
        keys = {}
    if known:
        update_memberships(
            [({**e.columns, **stamps, **_keys_of(e.reading)}, e.row) for e in known], using
        )
        keys |= {each.row.patreon_id: each.row.pk for each in known if each.row}
    _write_tiers(changes, keys, tiers, using)
    events = [
        {
            "membership_id": keys[each.reading.patreon_id],
            "source": source.value,
            "at": fetched_at,
            **event,
        }
        for each in changes
        if each.changed and (event := each.event(is_news=is_news)) is not None
    ]
    if events:
        insert(MembershipEvent, events, using)
    _warn_of_new_words(changes)
    told = [each for each in changes if each.changed]
    if told:
        transaction.on_commit(partial(_tell, told, keys, stamps), using=using)
    return keys


def _keys_of(reading: Reading) -> dict[str, str]:
    return {"patreon_id": reading.patreon_id, "digest": reading.digest}


_BLANK = {
    each.attname: each.get_default()
    for each in Membership._meta.concrete_fields
    if each.attname != "id"
}


def _accounts_of(readings: Iterable[Reading], using: str) -> dict[str, int]:
    people = {each.user_id for each in readings if each.user_id}
    if not people:
        return {}
    accounts = PatreonAccount.objects.using(using).filter(patreon_id__in=people)
    return dict(accounts.values_list("patreon_id", "pk"))


def _tiers_of(rows: Iterable[Membership], using: str) -> dict[int, dict[str, int | None]]:
    """Return the ids and prices of the tiers that each of the rows holds."""
    keys = [each.pk for each in rows]
    if not keys:
        return {}
    found: dict[int, dict[str, int | None]] = {}
    held = _HELD._default_manager.using(using).filter(membership_id__in=keys)
    for key, tier, price in held.values_list(
        "membership_id", "tier__patreon_id", "tier__amount_cents"
    ):
        found.setdefault(key, {})[tier] = price
    return found


def _write_tiers(
    changes: Sequence[Change], keys: Mapping[str, int], tiers: Mapping[str, Tier], using: str
) -> None:
    changed = [each for each in changes if "tiers" in each.changed]
    losing = {
        keys[each.reading.patreon_id]
        for each in changed
        if each.tiers_before.keys() - each.tiers.keys()
    }
    if losing:  # those that they keep are written again, below
        _HELD._default_manager.using(using).filter(membership_id__in=losing).delete()
    added = [
        {"membership_id": key, "tier_id": tiers[tier].pk}
        for each in changed
        if (key := keys[each.reading.patreon_id])
        for tier in each.tiers
        if tier not in each.tiers_before or key in losing
    ]
    if added:
        insert(_HELD, added, using)


def _warn_of_new_words(changes: Iterable[Change]) -> None:
    """Say once that Patreon has a word which the rule does not know: it closes until it does."""
    for each in changes:
        for name, known in (("patron_status", STATUSES), ("last_charge_status", CHARGES)):
            if name in each.changed and (word := each.columns[name]) not in known:
                logger.warning(
                    "Patreon says %s %r of membership %s, which nobody knows: it opens nothing",
                    name,
                    word,
                    each.reading.patreon_id,
                )


def _tell(changes: Iterable[Change], keys: Mapping[str, int], stamps: Mapping[str, Any]) -> None:
    """Send the signals, with each row as it was written."""
    accounts = {each.row.account_id for each in changes if each.row}
    accounts |= {each.columns.get("account_id") for each in changes}
    memberships_changed.send_robust(sender=Membership, accounts=accounts - {None})
    if not membership_changed.has_listeners(Membership):
        return  # a thousand objects that nobody looks at
    using = router.db_for_write(Membership)
    for each in changes:
        account_before = each.row.account_id if each.row else None
        row = each.row or Membership(pk=keys[each.reading.patreon_id])
        row._state.adding, row._state.db = False, using
        for name, value in {**each.columns, **stamps, **_keys_of(each.reading)}.items():
            setattr(row, name, value)
        membership_changed.send_robust(
            sender=Membership,
            membership=row,
            created=each.is_new,
            changed=frozenset(each.changed),
            account_before=account_before,
        )
