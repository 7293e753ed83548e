"""Applying what waits in the inbox: one look for all deliveries about one member."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from django.db import DatabaseError, models, router, transaction
from django.utils import timezone

from django_patreon import sync
from django_patreon.exceptions import PatreonError, RateLimited, ReconnectRequired, Unauthorized
from django_patreon.models import Campaign, Source, WebhookDelivery
from django_patreon.resources import MalformedDocument, Member, Post, parse_member, parse_post
from django_patreon.signals import webhook_received

from .inbox import MEMBER_EVENTS, State, rows, waiting

__all__ = ["Applied", "apply_waiting", "next_due"]

logger = logging.getLogger("django_patreon")

LEASE = timedelta(minutes=2)
"""After this time another worker takes over deliveries whose worker has died."""
REPEAT_PAUSE = timedelta(seconds=5)
"""How long a delivery that was applied waits when it is delivered again."""
MOST_ATTEMPTS = 8
FIRST_PAUSE = timedelta(seconds=5)
"""The pause after a failure. Each further one is four times as long: the last is after six
hours."""


@dataclass
class Applied:
    """How many deliveries were applied, put off or given up, and how many looks that took."""

    done: int = 0
    ignored: int = 0
    put_off: int = 0
    failed: int = 0
    looks: int = 0


class _CannotApply(Exception):
    """Nothing is to be done about a delivery; the text says why."""


def apply_waiting(*, seconds: float = 60.0, most: int = 1000) -> Applied:
    """Apply the deliveries that are due now, the oldest first, and return what became of them.

    All deliveries about one member are applied together. Ends when none of them is left, after
    `seconds`, or after `most` groups. What comes meanwhile is for the next call, so that it is
    gathered. Safe in several processes at once, and after a kill at any point.
    """
    applied, began = Applied(), timezone.now()
    end = time.monotonic() + seconds
    for _ in range(most):
        if time.monotonic() >= end:
            break
        # Deliveries about a member whom another worker looks at are left to that worker.
        due = waiting(began).exclude(member_id__in=_busy_members()).defer("body")
        first = due.order_by("due_at", "pk").first()
        if first is None:
            break
        _apply_group(_claim(first), applied)
    return applied


def _busy_members() -> list[str]:
    """Return the members whom a living worker looks at."""
    busy = rows().filter(state=State.WORKING, due_at__gt=timezone.now()).exclude(member_id="")
    return list(busy.values_list("member_id", flat=True).distinct())


def _claim(first: WebhookDelivery) -> list[WebhookDelivery]:
    """Take what is due about the same member. Of two workers at once only one gets each row."""
    now, lease = timezone.now(), uuid4().hex
    due = waiting(now)
    if first.member_id:
        due = due.filter(member_id=first.member_id, campaign_id=first.campaign_id)
    else:
        due = due.filter(pk=first.pk)
    claim = partial(
        due.update,
        state=State.WORKING,
        lease=lease,
        due_at=now + LEASE,
        attempts=models.F("attempts") + 1,
    )
    sync.retried(claim)
    ours = rows().filter(lease=lease).select_related("webhook").order_by("received_at", "pk")
    # The bodies are not needed where the member is looked at.
    return list(ours.defer("body"))


def _apply_group(group: list[WebhookDelivery], applied: Applied) -> None:
    if not group:
        return
    if max(each.attempts for each in group) > MOST_ATTEMPTS:
        _put_off(group, "Each process that tried to apply it has ended before.", applied)
        return
    try:
        _apply(group, applied)
    except _CannotApply as error:
        applied.ignored += _end(group, State.IGNORED, str(error))
    except RateLimited as error:
        _wait_for_room(group, error, applied)
    except Exception as error:  # one delivery must not stop the others
        # The text of a database's error may show what was to be written.
        said = str(error) if isinstance(error, PatreonError) else type(error).__name__
        if not isinstance(error, PatreonError | DatabaseError):
            logger.exception("A webhook delivery about %s failed", group[0].member_id or "a post")
        _put_off(group, said, applied)
    else:
        applied.done += _end(group, State.DONE, "")


def _apply(group: list[WebhookDelivery], applied: Applied) -> None:
    if group[0].event not in MEMBER_EVENTS:
        for each in group:
            _send(each, post=_post_of(each))
        return
    campaign = Campaign.objects.using(router.db_for_write(Campaign)).filter(
        patreon_id=group[0].campaign_id
    )
    found = campaign.select_related("creator").first()
    if found is None or not found.is_ours:
        raise _CannotApply("This site does not act for the campaign, so nothing was done.")
    if any(each.webhook and each.webhook.campaign_id != found.patreon_id for each in group):
        raise _CannotApply("The webhook belongs to another campaign, so nothing was done.")
    try:
        sync.sync_member(found, group[0].member_id, source=Source.WEBHOOK, patience=0.0)
        applied.looks += 1
    except (ReconnectRequired, Unauthorized):
        # The campaign is not connected: there is nothing else.
        _apply_bodies(group, found, applied)
    except PatreonError:
        # The next attempt looks. Until then the bodies count, but none takes a membership away.
        kept = [each for each in group if each.event != "members:delete"]
        _apply_bodies(kept, found, applied)
        raise
    for each in group:
        _send(each)


def _apply_bodies(group: list[WebhookDelivery], campaign: Campaign, applied: Applied) -> None:
    """Save what the bodies say. Those that say nothing are set aside, and leave `group`."""
    for each in group.copy():
        if each.applied_at is not None:
            continue  # a repetition says nothing new
        try:
            document = json.loads(bytes(each.body))
            member = parse_member(document)
        except (ValueError, MalformedDocument):
            why = "The body is not about a member, so nothing was done."
            applied.ignored += _end([each], State.IGNORED, why)
            group.remove(each)
            continue
        said = document["data"].get("attributes")
        if each.event == "members:delete" and _was_never_charged(member):
            sync.end_delivered(campaign, member.id, each.received_at)
        else:
            sync.save_delivered(
                member,
                campaign=campaign,
                tiers={tier.id: tier for tier in member.tiers},
                said=frozenset(said) if isinstance(said, dict) else frozenset(),
                received_at=each.received_at,
            )


def _was_never_charged(member: Member) -> bool:
    """Return True for a member who can be deleted: Patreon deletes those who never paid (official).

    The event is not signed, so a body about somebody who has paid may have been sent before, as
    another event.
    """
    return member.last_charge_date is None and not member.campaign_lifetime_support_cents


def _post_of(delivery: WebhookDelivery) -> Post:
    try:
        return parse_post(json.loads(bytes(delivery.body)))
    except (ValueError, MalformedDocument):
        raise _CannotApply("The body is not about a post, so nothing was done.") from None


def _send(delivery: WebhookDelivery, *, post: Post | None = None) -> None:
    """Send `webhook_received` after the commit, when a delivery is applied first or replayed."""
    using = router.db_for_write(WebhookDelivery)
    news: dict[str, Any] = {"delivery": delivery, "event": delivery.event, "post": post}
    if delivery.applied_at is None:  # else it was sent when the delivery was applied
        transaction.on_commit(
            partial(webhook_received.send_robust, sender=WebhookDelivery, **news), using=using
        )


def _end(group: list[WebhookDelivery], state: str, error: str) -> int:
    """Write the end of the deliveries that are still ours, and return how many.

    Those that came again meanwhile wait for another look.
    """
    if not group:
        return 0
    now = timezone.now()
    came_again = models.When(state=State.WAITING, then=models.Value(State.WAITING))
    written: dict[str, Any] = {
        "state": models.Case(came_again, default=models.Value(state)),
        "lease": "",
        "error": error,
        "due_at": now + REPEAT_PAUSE,
    }
    if state == State.DONE:
        written["applied_at"] = now
    ours = rows().filter(pk__in=[each.pk for each in group], lease=group[0].lease)
    return ours.update(**written)


def _wait_for_room(group: list[WebhookDelivery], error: RateLimited, applied: Applied) -> None:
    """Put off all that has been tried, however often: a limit is no failure of a delivery.

    Those that were not tried yet go on, so that their bodies count until Patreon can be asked.
    """
    wait = timedelta(seconds=min(error.retry_after or 60.0, 3600.0))
    due = timezone.now() + max(wait, FIRST_PAUSE)
    ours = rows().filter(pk__in=[each.pk for each in group], lease=group[0].lease)
    applied.put_off += ours.update(state=State.WAITING, lease="", attempts=1, error=str(error))
    rows().filter(state=State.WAITING, attempts__gt=0, due_at__lt=due).update(due_at=due)
    logger.info("Webhook deliveries wait for room in the rate limit: %s", error)


def _put_off(group: list[WebhookDelivery], said: str, applied: Applied) -> None:
    for each in group:
        ours = rows().filter(pk=each.pk, lease=each.lease)
        is_last = each.attempts >= MOST_ATTEMPTS
        pause = timedelta(0) if is_last else FIRST_PAUSE * 4 ** (each.attempts - 1)
        ours.update(
            state=State.FAILED if is_last else State.WAITING,
            lease="",
            error=said,
            due_at=timezone.now() + pause,
        )
        applied.failed += is_last
        applied.put_off += not is_last
    logger.warning(
        "%d webhook deliveries about member %s were not applied: %s",
        len(group),
        group[0].member_id or "-",
        said,
    )


def next_due() -> datetime | None:
    """Return when the next delivery is due that is not being applied; None if none waits."""
    found = rows().filter(state=State.WAITING).order_by("due_at").values_list("due_at", flat=True)
    return found.first()
