"""The webhooks of this site's client at Patreon: registered, looked after, replaced, deleted.

All of it needs the campaign's creator to be connected with the scope `w:campaigns.webhook`.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.db import models, router
from django.utils import timezone

from django_patreon import tokens
from django_patreon.api import PatreonClient, post_to_self
from django_patreon.exceptions import ReconnectRequired, Refused, Unavailable
from django_patreon.models import Campaign, Membership, Webhook
from django_patreon.own_urls import own_url
from django_patreon.resources import Webhook as WebhookResource

from .inbox import MEMBER_EVENTS, POST_EVENTS, rows
from .signature import signature_of

__all__ = [
    "EVENTS",
    "delete",
    "due_for_a_look",
    "problems_of",
    "read_from_patreon",
    "register",
    "rotate",
    "send_test",
    "unpause",
]

EVENTS = tuple(sorted(MEMBER_EVENTS)) + tuple(sorted(POST_EVENTS))
SCOPE = "w:campaigns.webhook"
LATE = timedelta(hours=2)
"""Patreon's last attempt may be this much later than the last delivery that has arrived."""
SILENT = timedelta(days=35)
"""A campaign with patrons is charged every month, and each charge is an event."""


def read_from_patreon(campaign: Campaign) -> list[Webhook]:
    """Ask Patreon about the campaign's webhooks, and return the rows as they are then.

    Finishes what a kill has interrupted: a row whose address Patreon lists gets its id and secret.
    Rows that Patreon does not list (any more) are deleted. Raises what the API raises, and
    `ReconnectRequired` if the campaign is not connected.
    """
    listed = {each.id: each for each in _client(campaign).webhooks() if each.uri}
    by_uri = {each.uri: each for each in listed.values()}
    for row in _rows(campaign):
        found = listed.get(row.patreon_id or "") or by_uri.get(row.uri)
        if found is None:
            row.delete()
        else:
            _write(row, found)
    return list(_rows(campaign))


def register(campaign: Campaign, origin: str, events: Collection[str] = EVENTS) -> Webhook:
    """Make a webhook at Patreon that sends `events` to this site, and return its row.

    `origin` is the address of the site, such as "https://example.org". If there is one for it
    already, its events are brought up to date instead. The row is written before Patreon is asked,
    so a kill in between leaves nothing that `read_from_patreon` does not finish. Raises as that
    does, and `Refused` if Patreon does not take the address.
    """
    for row in read_from_patreon(campaign):
        if _is_at(row, origin):
            if set(row.triggers) != set(events):
                _write(row, _client(campaign).update_webhook(_id(row), triggers=events))
            return row
    return _make(campaign, origin, events)


def rotate(webhook: Webhook) -> Webhook:
    """Replace a webhook by a new one with a new secret, and return that.

    Both are accepted while both exist, so no delivery is refused. Deliveries that both send are
    harmless. The old one is deleted in the end, once it has sent what was waiting at Patreon;
    raises `Refused` before anything is done if that does not succeed.
    """
    campaign = webhook.campaign
    if webhook.failures or webhook.is_paused:
        unpause(webhook)
        if webhook.failures or webhook.is_paused:
            raise Refused(
                "The webhook fails, so what waits for it at Patreon would be lost with it. Mend the"
                " address first, and unpause it.",
                status=None,
            )
    parts = urlsplit(webhook.uri)
    new = _make(campaign, f"{parts.scheme}://{parts.netloc}", webhook.triggers)
    delete(webhook)
    return new


def unpause(webhook: Webhook) -> None:
    """Let Patreon send what has waited since the webhook failed. The row shows how that went."""
    _write(webhook, _client(webhook.campaign).unpause_webhook(_id(webhook)))


def delete(webhook: Webhook) -> None:
    """Delete a webhook at Patreon, and then here."""
    if webhook.patreon_id:
        _client(webhook.campaign).delete_webhook(webhook.patreon_id)
    webhook.delete()


def send_test(webhook: Webhook) -> int:
    """Send a signed test to the webhook's address from here, and return the status of the answer.

    It passes through the site's own proxies and servers. Patreon has no way to ask for a test.
    Raises `Unavailable` if there is no answer.
    """
    body = json.dumps({"data": {"id": None, "type": "member"}}).encode()
    return post_to_self(
        webhook.uri,
        body,
        {
            "Content-Type": "application/json",
            "X-Patreon-Event": "members:update",
            "X-Patreon-Signature": signature_of(body, webhook.secret.open()),
        },
    )


def problems_of(campaign: Campaign, webhooks: Collection[Webhook]) -> list[str]:
    """Say what is wrong with the campaign's webhooks, as `read_from_patreon` returned them."""
    if not webhooks:
        return ["no webhook is registered: run patreon_webhooks register."]
    said = []
    for each in webhooks:
        name = f"webhook {each.patreon_id}"
        last = _last_received(each)
        if each.is_paused:
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
    rows = Webhook._default_manager.using(router.db_for_write(Webhook))
    due = rows.filter(models.Q(checked_at=None) | models.Q(checked_at__lte=before))
    campaigns = Campaign.objects.using(router.db_for_write(Campaign))
    return list(campaigns.filter(pk__in=due.values("campaign__pk")).select_related("creator"))


def _make(campaign: Campaign, origin: str, events: Collection[str]) -> Webhook:
    row = Webhook(campaign=campaign, triggers=sorted(events))
    row.save()
    row.uri = origin.rstrip("/") + own_url("webhook", row.pk)
    row.save(update_fields=["uri"])
    try:
        made = _client(campaign).create_webhook(
            campaign.patreon_id, uri=row.uri, triggers=row.triggers
        )
    except Unavailable:
        raise  # it may have been made: `read_from_patreon` finds out
    except Exception:
        row.delete()
        raise
    _write(row, made)
    return row


def _write(row: Webhook, said: WebhookResource) -> None:
    row.patreon_id = said.id
    row.uri = said.uri or row.uri
    row.triggers = sorted(said.triggers) if said.triggers is not None else row.triggers
    row.is_paused = bool(said.paused)
    row.failures = max(0, said.num_consecutive_times_failed or 0)
    row.last_attempted_at = said.last_attempted_at
    row.checked_at = timezone.now()
    if said.secret and not row.secret:
        row.secret = said.secret
    row.save()


def _client(campaign: Campaign) -> PatreonClient:
    creator = campaign.creator
    if creator is None or SCOPE not in creator.scopes:
        raise ReconnectRequired(
            f"Webhooks need the scope {SCOPE}: the campaign's creator has to connect it in the"
            " admin, or an operator has to bring their tokens with patreon_import_tokens."
        )
    return tokens.client_for(creator)


def _rows(campaign: Campaign) -> models.QuerySet[Webhook]:
    rows = Webhook._default_manager.using(router.db_for_write(Webhook))
    return rows.filter(campaign=campaign).select_related("campaign__creator")


def _is_at(row: Webhook, origin: str) -> bool:
    return row.uri == origin.rstrip("/") + own_url("webhook", row.pk)


def _id(row: Webhook) -> str:
    if not row.patreon_id:
        raise Refused("Patreon does not know this webhook yet: run it again.", status=None)
    return row.patreon_id


def _last_received(webhook: Webhook) -> datetime | None:
    received = rows().filter(webhook=webhook).order_by("-last_received_at")
    return received.values_list("last_received_at", flat=True).first()


def _has_patrons(campaign: Campaign) -> bool:
    using = router.db_for_write(Membership)
    return Membership.objects.using(using).for_campaign(campaign).paying().exists()
