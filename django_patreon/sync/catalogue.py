"""Campaigns and tiers, and what of a foreign answer a column can hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import OperationalError, router

from django_patreon.models import Campaign, Tier
from django_patreon.moments import to_stored
from django_patreon.resources import Campaign as CampaignNews
from django_patreon.resources import Tier as TierNews

from .ours import Ours, disown_claims

__all__ = ["cut", "moment", "months", "number", "save_campaigns", "save_tiers"]

LARGEST = 2**53
NOTE_EVERY = timedelta(hours=1)
"""How old news may still change what was found unchanged since: no older than this."""
_Row = TypeVar("_Row", Campaign, Tier)


def save_campaigns(
    news: Mapping[str, CampaignNews], ours: Ours, fetched_at: datetime
) -> dict[str, Campaign]:
    wanted: dict[str, dict[str, Any]] = {}
    for key, each in news.items():
        told = {
            "name": cut(each.name, 255),
            "vanity": cut(each.vanity, 255),
            "url": each.url,
            "pledge_url": each.pledge_url,
            "currency": cut(each.currency, 8),
            "is_monthly": each.is_monthly,
        }
        wanted[key] = {name: value for name, value in told.items() if value is not None}
        if key in (ours.certain, ours.claimed):
            wanted[key] |= {"is_ours": True, "is_claimed": key != ours.certain}
    disown_claims(ours)
    return _upsert(Campaign, wanted, fetched_at)


def save_tiers(
    campaigns: Mapping[str, str], news: Mapping[str, TierNews], fetched_at: datetime
) -> dict[str, Tier]:
    """Save tiers, each of which is listed by its id with that of its campaign."""
    wanted: dict[str, dict[str, Any]] = {}
    for key, campaign_id in campaigns.items():
        each = news.get(key) or TierNews(id=key)
        told = {
            "campaign_id": campaign_id,
            "title": cut(each.title, 255),
            "amount_cents": number(each.amount_cents),
            "published": each.published,
            "url": each.url,
        }
        wanted[key] = {name: value for name, value in told.items() if value is not None}
    return _upsert(Tier, wanted, fetched_at)


def _upsert(
    model: type[_Row], wanted: Mapping[str, dict[str, Any]], fetched_at: datetime
) -> dict[str, _Row]:
    """Bring rows up to date by Patreon's id; older news changes nothing.

    What has not changed is not written: everybody's sign-in names the same campaign, and a write
    would make them wait for each other. Only as of when it is so is noted, once in a while.
    """
    if not wanted:
        return {}
    # Not from a replica, which may be behind: what is found decides what is written.
    table = model._default_manager.using(router.db_for_write(model))
    rows = {each.patreon_id: each for each in table.filter(patreon_id__in=wanted)}
    missing = sorted(wanted.keys() - rows.keys())
    if missing:
        table.bulk_create(
            [model(patreon_id=key, fetched_at=fetched_at, **wanted[key]) for key in missing],
            ignore_conflicts=True,  # somebody else's sign-in may have been first
        )
        # Locked: the latest, also where a transaction otherwise sees the past.
        found = table.select_for_update().filter(patreon_id__in=missing)
        rows |= {each.patreon_id: each for each in found}
        if len(rows) < len(wanted):
            raise OperationalError("Another transaction has begun to write the same rows.")
    for key in sorted(wanted):
        row = rows[key]
        news: list[str] = [n for n, value in wanted[key].items() if getattr(row, n) != value]
        if news and row.fetched_at <= fetched_at:
            for name in news:
                setattr(row, name, wanted[key][name])
            row.fetched_at = fetched_at
            row.save(update_fields=[*news, "fetched_at"])
        elif not news and row.fetched_at + NOTE_EVERY <= fetched_at:
            # Not as a change: there is none, and nobody need hear of it.
            same = table.filter(pk=row.pk, fetched_at=row.fetched_at)
            same.update(fetched_at=fetched_at)
    return rows


def cut(text: str | None, length: int) -> str | None:
    return None if text is None else text[:length]


def number(value: int | None) -> int | None:
    """Drop what no column holds: a sum like that is nobody's pledge."""
    return value if value is not None and abs(value) < LARGEST else None


def months(value: int | None) -> int | None:
    return value if value is not None and 0 <= value <= 1200 else None


def moment(value: datetime | None) -> datetime | None:
    """Drop what not every database holds, and make it what this site's databases hold."""
    if value is None or not 1970 <= value.year <= 9998:
        return None
    return to_stored(value)
