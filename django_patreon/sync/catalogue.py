"""Writing campaigns and tiers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import OperationalError, router
from django.db.models import Q

from django_patreon.columns import fit
from django_patreon.models import Campaign, Tier
from django_patreon.resources import Campaign as CampaignResource
from django_patreon.resources import Tier as TierResource

from .ours import OurCampaign, drop_unconfirmed_campaigns

__all__ = ["read_campaigns", "save_campaigns", "save_tiers"]

CONFIRM_EVERY = timedelta(hours=1)
"""`fetched_at` of a row that has not changed is written this often at most. So an older answer is
ignored only if it is older than the `fetched_at` that was written last."""
_Row = TypeVar("_Row", Campaign, Tier)


def read_campaigns(ids: Collection[str]) -> dict[str, Campaign]:
    """Return the rows of these campaigns, and of all that are claimed, by Patreon's id."""
    return _read(Campaign, Q(patreon_id__in=ids) | Q(is_claimed=True))


def save_campaigns(
    resources: Mapping[str, CampaignResource],
    our_campaign: OurCampaign,
    fetched_at: datetime,
    rows: Mapping[str, Campaign],
) -> dict[str, Campaign]:
    """Save the campaigns of an answer, and which one is ours. Return the rows by Patreon's id.

    `rows` are those that `read_campaigns` returned.
    """
    wanted: dict[str, dict[str, Any]] = {}
    for key, each in resources.items():
        given = {
            "name": each.name,
            "vanity": each.vanity,
            "url": each.url,
            "pledge_url": each.pledge_url,
            "currency": each.currency,
            "is_monthly": each.is_monthly,
        }
        fitted = fit(Campaign, given)
        wanted[key] = {name: value for name, value in fitted.items() if value is not None}
        if key in (our_campaign.confirmed, our_campaign.claimed):
            is_claimed = key != our_campaign.confirmed
            wanted[key] |= {"is_ours": True, "is_claimed": is_claimed}
    drop_unconfirmed_campaigns(our_campaign)
    return _upsert(Campaign, wanted, fetched_at, rows)


def save_tiers(
    campaign_ids: Mapping[str, str], resources: Mapping[str, TierResource], fetched_at: datetime
) -> dict[str, Tier]:
    """Save tiers. `campaign_ids` maps the id of each tier to that of its campaign.

    A tier without a resource is saved with its id only. Return the rows by Patreon's id.
    """
    wanted: dict[str, dict[str, Any]] = {}
    for key, campaign_id in campaign_ids.items():
        each = resources.get(key) or TierResource(id=key)
        given = {
            "title": each.title,
            "amount_cents": each.amount_cents,
            "published": each.published,
            "url": each.url,
        }
        fitted = fit(Tier, given)
        wanted[key] = {name: value for name, value in fitted.items() if value is not None}
        wanted[key]["campaign_id"] = campaign_id
    rows = _read(Tier, Q(patreon_id__in=wanted)) if wanted else {}
    return _upsert(Tier, wanted, fetched_at, rows)


def _read(model: type[_Row], which: Q) -> dict[str, _Row]:
    # Not from a replica, which may be behind: what is found decides what is written.
    table = model._default_manager.using(router.db_for_write(model))
    return {each.patreon_id: each for each in table.filter(which).order_by()}


def _upsert(
    model: type[_Row],
    wanted: Mapping[str, dict[str, Any]],
    fetched_at: datetime,
    known: Mapping[str, _Row],
) -> dict[str, _Row]:
    """Create or update rows by Patreon's id, unless what they hold is newer than `fetched_at`.

    `known` are rows that were read already.

    An unchanged row is not written, except for its `fetched_at` once in `CONFIRM_EVERY`. All
    sign-ins name the same campaign, so they would have to wait for each other's writes.
    """
    table = model._default_manager.using(router.db_for_write(model))
    rows = {key: row for key, row in known.items() if key in wanted}
    missing = sorted(wanted.keys() - rows.keys())
    if missing:
        table.bulk_create(
            [model(patreon_id=key, fetched_at=fetched_at, **wanted[key]) for key in missing],
            ignore_conflicts=True,  # another sign-in may have created them meanwhile
        )
        # A locking read finds those rows, also where the transaction otherwise reads a snapshot.
        found = table.select_for_update().filter(patreon_id__in=missing)
        rows |= {each.patreon_id: each for each in found}
        if len(rows) < len(wanted):
            raise OperationalError("Another transaction has begun to write the same rows.")
    for key in sorted(wanted):
        row = rows[key]
        changed: list[str] = [n for n, value in wanted[key].items() if getattr(row, n) != value]
        if changed and row.fetched_at <= fetched_at:
            for name in changed:
                setattr(row, name, wanted[key][name])
            row.fetched_at = fetched_at
            row.save(update_fields=[*changed, "fetched_at"])
        elif not changed and row.fetched_at + CONFIRM_EVERY <= fetched_at:
            # By `update`, which sends no signal: nothing has changed that anybody should hear of.
            same = table.filter(pk=row.pk, fetched_at=row.fetched_at)
            same.update(fetched_at=fetched_at)
    return rows
