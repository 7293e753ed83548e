"""The webhooks of this site's client at Patreon: registered, looked after, replaced, deleted.

All of it needs the campaign's creator to be connected with the scope `w:campaigns.webhook`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from secrets import token_hex
from urllib.parse import urlsplit

from django.db import models, router
from django.utils import timezone

from django_patreon import tokens
from django_patreon.api import PatreonClient, post_to_self
from django_patreon.exceptions import (
    MalformedAnswer,
    ReconnectRequired,
    Refused,
    Unavailable,
)
from django_patreon.models import Campaign, Webhook
from django_patreon.own_urls import own_url
from django_patreon.resources import Webhook as WebhookResource

from .inbox import MEMBER_EVENTS, POST_EVENTS, digest_of, rows
from .signature import signature_of

__all__ = [
    "EVENTS",
    "delete",
    "read_from_patreon",
    "register",
    "rotate",
    "send_test",
    "unpause",
]

EVENTS = tuple(sorted(MEMBER_EVENTS)) + tuple(sorted(POST_EVENTS))
SCOPE = "w:campaigns.webhook"


def read_from_patreon(campaign: Campaign) -> list[Webhook]:
    """Ask Patreon about the campaign's webhooks, and return the rows as they are then.

    Finishes what a kill has interrupted: a row whose address Patreon lists gets its id and secret.
    Rows of webhooks that Patreon does not know (any more) are deleted. Raises what the API raises,
    and `ReconnectRequired` if the campaign is not connected.
    """
    return _read(campaign)[0]


def _read(campaign: Campaign) -> tuple[list[Webhook], list[WebhookResource]]:
    """Return the rows and what Patreon lists."""
    # Rows first: one that another process makes meanwhile may be missing in Patreon's answer.
    before = list(_rows(campaign))
    found = [each for each in _client(campaign).webhooks() if each.uri]
    by_id = {each.id: each for each in found}
    by_uri = {each.uri: each for each in found}
    for row in before:
        listed = by_id.get(row.patreon_id or "") or by_uri.get(row.uri) or _unlisted(row)
        if listed is None:
            row.delete()
        else:
            _write(row, listed)
    return list(_rows(campaign)), found


def _unlisted(row: Webhook) -> WebhookResource | None:
    """Ask about a webhook that is not in Patreon's list; return None if Patreon does not know it.

    A list that is incomplete must not cost the secret. No request reads one webhook, so this sets
    the address that it has.
    """
    if not row.patreon_id:
        return None
    try:
        return _client(row.campaign).update_webhook(row.patreon_id, uri=row.uri)
    except Refused as error:
        if error.status in (403, 404, 410):  # deleted, or made by another client
            return None
        raise


def register(campaign: Campaign, origin: str, events: Collection[str] = EVENTS) -> Webhook:
    """Make a webhook at Patreon that sends `events` to this site, and return its row.

    `origin` is the address of the site, such as "https://example.org". If there is one for it
    already, its events are brought up to date instead. The row is written before Patreon is asked,
    so a kill in between leaves nothing that `read_from_patreon` does not finish. Of several, such
    as after a `rotate` that was killed, the newest is kept. Raises as `read_from_patreon` does, and
    `Refused` if Patreon does not take the address.
    """
    found, listed = _read(campaign)
    _delete_lost(campaign, origin, listed)
    here = [row for row in found if _is_at(row, origin)]
    if not here:
        return _make(campaign, origin, events)
    newest = here.pop()
    if set(newest.triggers) != set(events):
        _write(newest, _client(campaign).update_webhook(_id(newest), triggers=events))
    for row in here:
        if not _is_failing(row):  # what waits at Patreon would be lost with it
            delete(row)
    return newest


def _delete_lost(campaign: Campaign, origin: str, listed: Iterable[WebhookResource]) -> None:
    """Delete the webhooks at Patreon that send to this site and have no row here.

    A database that was lost or restored leaves such ones. All they send is refused.
    """
    for each in listed:
        number = re.search(r"/([0-9]{1,18})/\Z", each.uri or "")
        if number is None or each.uri != _address(origin, int(number[1])):
            continue
        rows = Webhook._default_manager.using(router.db_for_write(Webhook))
        if not rows.filter(pk=int(number[1])).exists():
            _client(campaign).delete_webhook(each.id)


def rotate(campaign: Campaign) -> list[Webhook]:
    """Replace the campaign's webhooks by one with a new secret, and return what is there then.

    A site with several addresses gets one for each. All are accepted while they exist, so no
    delivery is refused; deliveries that two of them send are harmless. The old ones are deleted in
    the end. Raises `Refused` before anything is replaced if what waits for one at Patreon cannot be
    sent first.
    """
    old = read_from_patreon(campaign)
    for row in old:
        if _is_failing(row):
            unpause(row)
        if _is_failing(row):
            raise Refused(
                "The webhook fails, so what waits for it at Patreon would be lost with it. Mend the"
                " address first, and unpause it.",
                status=None,
            )
    events: dict[str, set[str]] = {}
    for row in old:
        events.setdefault(_origin(row), set()).update(row.triggers)
    new = [_make(campaign, origin, each) for origin, each in events.items()]
    for row in old:
        delete(row)
    return new


def unpause(webhook: Webhook) -> None:
    """Let Patreon send what has waited since the webhook failed. The row shows how that went."""
    _write(webhook, _client(webhook.campaign).unpause_webhook(_id(webhook)))


def delete(webhook: Webhook) -> None:
    """Delete a webhook at Patreon, and then here."""
    if webhook.patreon_id:
        _client(webhook.campaign).delete_webhook(webhook.patreon_id)
    webhook.delete()


def send_test(webhook: Webhook) -> tuple[int, bool]:
    """Send a signed test to the webhook's address from here, through the site's own proxies.

    Returns the status of the answer, and whether the test is in this site's inbox. Patreon has no
    way to ask for a test. Raises `Unavailable` if there is no answer.
    """
    event = "members:update"
    document = {"data": {"id": None, "type": "member"}, "test": token_hex(8)}
    body = json.dumps(document).encode()
    status = post_to_self(
        webhook.uri,
        body,
        {
            "Content-Type": "application/json",
            "X-Patreon-Event": event,
            "X-Patreon-Signature": signature_of(body, webhook.secret.open()),
        },
    )
    return status, rows().filter(digest=digest_of(body, event)).exists()


def _make(campaign: Campaign, origin: str, events: Collection[str]) -> Webhook:
    row = Webhook(campaign=campaign, triggers=sorted(events))
    row.save()
    row.uri = _address(origin, row.pk)
    row.save(update_fields=["uri"])
    try:
        made = _client(campaign).create_webhook(
            campaign.patreon_id, uri=row.uri, triggers=row.triggers
        )
    except (Unavailable, MalformedAnswer):
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
    if said.secret and row.secret.open() != said.secret:  # none yet, or its key is lost
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


def _address(origin: str, key: int) -> str:
    return origin.rstrip("/") + own_url("webhook", key)


def _is_at(row: Webhook, origin: str) -> bool:
    return row.uri == _address(origin, row.pk)


def _origin(row: Webhook) -> str:
    """Return the address of the site that the webhook sends to."""
    origin = row.uri.removesuffix(own_url("webhook", row.pk))
    if origin != row.uri:
        return origin
    parts = urlsplit(row.uri)  # the URLs of the site have changed since
    return f"{parts.scheme}://{parts.netloc}"


def _is_failing(row: Webhook) -> bool:
    return bool(row.failures or row.is_paused)


def _id(row: Webhook) -> str:
    if not row.patreon_id:
        raise Refused("Patreon does not know this webhook yet: run it again.", status=None)
    return row.patreon_id
