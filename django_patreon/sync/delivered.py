"""Saving what the body of a webhook says, where Patreon itself cannot be asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from django.db import models, router, transaction

from django_patreon.entitlement.charges import RETURNED_CHARGES
from django_patreon.models import Campaign, Membership, Source
from django_patreon.resources import Member
from django_patreon.resources import Tier as TierResource

from .catalogue import save_tiers
from .departures import demote, members_of
from .readings import Reading, reading_of
from .retrying import retried
from .writing import Saved, apply, locked_memberships, plan

__all__ = ["end_delivered", "save_delivered"]

_REFUNDS = RETURNED_CHARGES | {"Refund Pending", "Fraud"}
"""Charges after which the sum that somebody has paid may fall."""


def save_delivered(
    member: Member,
    *,
    campaign: Campaign,
    tiers: Mapping[str, TierResource],
    said: Collection[str],
    received_at: datetime,
) -> Saved:
    """Save what a delivery says of a membership, and return the counts.

    `said` are the names of the attributes that the body has: the others change nothing. A body has
    no time of its own. It counts as of `received_at`, unless the row knows of a later charge.
    """
    return retried(partial(_save, member, campaign, tiers, said, received_at))


def _save(
    member: Member,
    campaign: Campaign,
    tiers: Mapping[str, TierResource],
    said: Collection[str],
    received_at: datetime,
) -> Saved:
    saved = Saved()
    listed = dict.fromkeys(member.tier_ids or (), campaign.patreon_id)
    reading = reading_of(member, campaign_id=campaign.patreon_id)
    with transaction.atomic(using=router.db_for_write(Membership), savepoint=False):
        rows = save_tiers(listed, tiers, received_at)
        known = locked_memberships(models.Q(patreon_id=member.id))
        row = known.get(member.id)
        if row is not None and (
            row.campaign_id != campaign.patreon_id or _is_older(reading, row, said)
        ):
            saved.ignored += 1
            return saved
        blank = row or Membership()
        kept = {
            name: getattr(blank, name)
            for name in reading.columns
            if name not in said and name != "campaign_id"
        }
        reading = replace(reading, columns=reading.columns | kept)
        changes = plan([reading], rows, fetched_at=received_at, saved=saved, rows=known)
        apply(
            changes,
            rows,
            fetched_at=received_at,
            source=Source.WEBHOOK,
            is_news=campaign.synced_at is not None,
        )
    return saved


def _is_older(reading: Reading, row: Membership, said: Collection[str]) -> bool:
    """Return True if the body was written before the last charge that the row knows of."""
    charged, known = reading.columns["last_charge_date"], row.last_charge_date
    if charged is None or known is None:
        return False
    if charged != known:
        return bool(charged < known)
    paid = reading.columns["campaign_lifetime_support_cents"]
    before = row.campaign_lifetime_support_cents
    if reading.columns["last_charge_status"] in _REFUNDS or paid is None or before is None:
        return False
    return bool(paid < before)


def end_delivered(campaign: Campaign, patreon_id: str, received_at: datetime) -> Saved:
    """End a membership that Patreon says was deleted, unless the row is newer."""
    known = members_of(campaign).filter(patreon_id=patreon_id)
    gone = list(known.values_list("patreon_id", flat=True))
    return Saved(ended=retried(partial(demote, gone, received_at, source=Source.WEBHOOK)))
