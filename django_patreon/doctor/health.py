"""Whether the site keeps up with Patreon, in a few cheap statements: for `patreon:health`."""

from __future__ import annotations

from datetime import timedelta

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, router
from django.utils import timezone

from django_patreon.conf import patreon_settings
from django_patreon.models import Webhook, WebhookDelivery
from django_patreon.sync import our_connected_campaigns

__all__ = ["problems"]

WAITING = timedelta(hours=1)
"""A delivery that is due for this long has no worker that applies it."""


def problems() -> list[str]:
    """Return what is wrong, as words that stay the same: docs/operators.md lists them.

    Patreon is not asked. The words name no person and no campaign.
    """
    try:
        return [*_campaigns(), *_webhooks()]
    except ImproperlyConfigured:
        return ["settings"]
    except DatabaseError:
        return ["database"]


def _campaigns() -> list[str]:
    found = set()
    every, now = patreon_settings().SYNC_EVERY, timezone.now()
    for each in our_connected_campaigns():
        if each.creator is not None and each.creator.needs_reconnect:
            found.add("reconnect")
        # Divided, since twice a `SYNC_EVERY` of `timedelta.max` would overflow.
        elif each.synced_at is None or (now - each.synced_at - timedelta(hours=1)) / 2 > every:
            found.add("sync_late")
    return sorted(found)


def _webhooks() -> list[str]:
    found = []
    if Webhook.objects.using(router.db_for_write(Webhook)).filter(is_paused=True).exists():
        found.append("webhook_paused")
    due = timezone.now() - WAITING
    rows = WebhookDelivery.objects.using(router.db_for_write(WebhookDelivery))
    if rows.filter(state=WebhookDelivery.State.WAITING, due_at__lt=due).exists():
        found.append("deliveries_wait")
    return found
