"""Whether Patreon still sends: webhooks that are paused, fail, do not arrive or are silent."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import models, router
from django.utils import timezone

from django_patreon.exceptions import ReconnectRequired, Refused
from django_patreon.models import Campaign, Membership, Webhook

from .hooks import read_from_patreon
from .inbox import rows

__all__ = ["due_for_a_look", "look", "problems_of"]

LATE = timedelta(hours=2)
"""Patreon's last attempt may be this much later than the last delivery that has arrived."""
SILENT = timedelta(days=35)
"""A campaign with patrons is charged every month, and each charge is an event."""


def look(campaign: Campaign) -> list[str]:
    """Ask Patreon about the campaign's webhooks, and return what is wrong, in sentences.

    Raises as `read_from_patreon`. If asking again would end in the same way, the webhooks count as
    checked, so that `due_for_a_look` does not return the campaign before a day has passed.
    """
    try:
        return problems_of(campaign, read_from_patreon(campaign))
    except (ReconnectRequired, Refused):
        _webhooks().filter(campaign=campaign).update(checked_at=timezone.now())
        raise


def problems_of(campaign: Campaign, webhooks: Collection[Webhook]) -> list[str]:
    """Say what is wrong with the campaign's webhooks, as `read_from_patreon` returned them."""
    if not webhooks:
        return ["no webhook is registered: run patreon_webhooks register."]
    said = []
    for each in webhooks:
        name = f"webhook {each.patreon_id}"
        last = _last_received(each)
        if not each.secret.open():
            said.append(f"{name} has no secret that can be read: run patreon_webhooks rotate.")
        elif each.is_paused:
            said.append(
                f"{name} is paused after {each.failures} failures: mend the address, then run"
                " patreon_webhooks unpause."
            )
        elif each.failures:
            said.append(f"{name} has failed {each.failures} times in a row at {each.uri}.")
        elif each.last_attempted_at and (last is None or each.last_attempted_at - last > LATE):
            said.append(f"{name} sends to {each.uri}, and nothing of it has arrived here.")
        elif (last or each.created_at) < timezone.now() - SILENT and _has_patrons(campaign):
            said.append(f"{name} has been silent for more than {SILENT.days} days.")
    return said


def due_for_a_look() -> list[Campaign]:
    """Return the campaigns with webhooks about which Patreon was not asked for a day."""
    before = timezone.now() - timedelta(days=1)
    due = _webhooks().filter(models.Q(checked_at=None) | models.Q(checked_at__lte=before))
    campaigns = Campaign.objects.using(router.db_for_write(Campaign))
    return list(campaigns.filter(pk__in=due.values("campaign__pk")).select_related("creator"))


def _webhooks() -> models.QuerySet[Webhook]:
    return Webhook._default_manager.using(router.db_for_write(Webhook))


def _last_received(webhook: Webhook) -> datetime | None:
    received = rows().filter(webhook=webhook).order_by("-last_received_at")
    return received.values_list("last_received_at", flat=True).first()


def _has_patrons(campaign: Campaign) -> bool:
    using = router.db_for_write(Membership)
    return Membership.objects.using(using).for_campaign(campaign).paying().exists()
