"""What has to be done by the clock: which campaigns to sync, and which old rows to delete."""

from __future__ import annotations

from datetime import timedelta

from django.db import models, router
from django.utils import timezone

from django_patreon.conf import patreon_settings
from django_patreon.models import Campaign, MembershipEvent, SyncRun

from .ours import our_connected_campaigns

__all__ = ["campaigns_due", "prune"]

RETRY_AFTER = timedelta(hours=1)
"""A sync that ended without being complete is tried again after this time."""
AT_ONCE = 1000
"""Rows that are deleted by one statement."""


def campaigns_due() -> list[Campaign]:
    """Return the connected campaigns whose last complete sync is older than `SYNC_EVERY`."""
    return [each for each in our_connected_campaigns() if _is_due(each)]


def _is_due(campaign: Campaign) -> bool:
    now, every = timezone.now(), patreon_settings().SYNC_EVERY
    if campaign.synced_at is not None and now - campaign.synced_at < every:
        return False
    runs = SyncRun.objects.using(router.db_for_write(SyncRun)).filter(campaign=campaign)
    if runs.exclude(place=None).exists():
        return True  # it was cut off, and goes on
    ended = runs.exclude(state=SyncRun.State.COMPLETE)
    return not ended.filter(finished_at__gt=now - min(RETRY_AFTER, every)).exists()


def prune() -> tuple[int, int]:
    """Delete events of memberships and sync runs older than `KEEP_EVENTS`. Return how many of each.

    A run that may go on is kept.
    """
    try:
        oldest = timezone.now() - patreon_settings().KEEP_EVENTS
    except OverflowError:  # such as `timedelta.max`: everything is kept
        return 0, 0
    return (
        _delete(MembershipEvent, models.Q(at__lt=oldest)),
        _delete(SyncRun, models.Q(started_at__lt=oldest, place=None)),
    )


def _delete(model: type[models.Model], which: models.Q) -> int:
    """Delete in small portions: one long statement would hold many locks. Return how many."""
    rows = model._default_manager.using(router.db_for_write(model))
    count = 0
    while keys := list(rows.filter(which).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        _, deleted = rows.filter(pk__in=keys).delete()
        count += deleted.get(model._meta.label, 0)
    return count
