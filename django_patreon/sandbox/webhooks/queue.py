"""The queue of each webhook: new events, what is due, retries and pausing."""

from __future__ import annotations

import hashlib
import hmac
import random
from datetime import datetime, timedelta

from django_patreon.sandbox.settings import Settings
from django_patreon.sandbox.world.models import Attempt, Delivery, Webhook
from django_patreon.sandbox.world.world import World

__all__ = ["TRIGGERS", "due", "enqueue", "new_webhook", "record", "signature"]

# Official. The last three belong to API v1; the sandbox sends no such event.
TRIGGERS = (
    "members:create",
    "members:update",
    "members:delete",
    "members:pledge:create",
    "members:pledge:update",
    "members:pledge:delete",
    "posts:publish",
    "posts:update",
    "posts:delete",
    "pledges:create",
    "pledges:update",
    "pledges:delete",
)
# The time to the next attempt after each failure in a row (official). After the last, Patreon does
# not try again by itself.
RETRIES = (
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(days=1),
    timedelta(weeks=1),
)
_LONGEST_QUEUE = 10_000


def signature(secret: str, body: str) -> str:
    """Return the HMAC-MD5 of the body as lowercase hex; the key is the secret (official)."""
    return hmac.new(secret.encode(), body.encode(), hashlib.md5).hexdigest()


def new_webhook(
    world: World, campaign_id: str, uri: str, triggers: list[str], owner: str
) -> Webhook:
    """Add a webhook. The API shows only those with the owner `client`, not those of `portal`."""
    number = world.new_number()
    secret = hashlib.sha256(f"sandbox-hook/{number}".encode()).hexdigest()
    hook = Webhook(
        id=number,
        campaign_id=campaign_id,
        uri=uri,
        triggers=list(dict.fromkeys(triggers)),
        secret=secret,
        owner=owner,
    )
    world.hooks[hook.id] = hook
    return hook


def enqueue(
    world: World,
    settings: Settings,
    campaign_id: str,
    events: list[tuple[str, str]],
    *,
    only: Webhook | None = None,
) -> list[Delivery]:
    """Add events to the queues of the webhooks of a campaign, and return the deliveries.

    `events` are pairs of trigger and body. `only` limits them to one webhook, which then gets all
    of them whatever its triggers.
    """
    made: list[Delivery] = []
    for hook in [only] if only else list(world.hooks.values()):
        if hook.campaign_id != campaign_id:
            continue
        deliveries = [
            Delivery(
                id=world.new_number(),
                hook_id=hook.id,
                event=event,
                body=body,
                happened_at=world.clock.now(),
            )
            for event, body in events
            if only or event in hook.triggers
            for _ in range(settings.webhook_copies)
        ]
        hook.queue += deliveries
        # The oldest are dropped from a queue that is never emptied (unknown at Patreon).
        del hook.queue[:-_LONGEST_QUEUE]
        made += deliveries
    return made


def due(hook: Webhook, settings: Settings, now: datetime) -> Delivery | None:
    """Return the delivery that this webhook is to be sent now, or None."""
    if settings.webhook_hold or hook.paused or not hook.queue:
        return None
    if hook.next_attempt_at is None or hook.next_attempt_at <= now:
        return _next(hook.queue, settings)
    if settings.webhook_holds_back:
        return None
    return _next([each for each in hook.queue if not each.attempts], settings)


def _next(queue: list[Delivery], settings: Settings) -> Delivery | None:
    if not queue:
        return None
    if settings.webhook_order == "reversed":
        return queue[-1]
    if settings.webhook_order == "shuffled":
        return random.Random(queue[0].id).choice(queue)  # noqa: S311  (the same in every run)
    return queue[0]


def record(hook: Webhook, delivery: Delivery, attempt: Attempt, settings: Settings) -> None:
    """Store an attempt, and when the next one is due."""
    delivery.attempts.append(attempt)
    hook.last_attempted_at = attempt.at
    success = range(200, 300) if settings.webhook_success == "any 2xx" else (200,)
    if attempt.status in success:
        delivery.delivered = True
        if delivery in hook.queue:
            hook.queue.remove(delivery)
        # After a success the whole queue is sent (official).
        hook.num_consecutive_times_failed, hook.next_attempt_at = 0, None
        return
    hook.num_consecutive_times_failed += 1
    failures = hook.num_consecutive_times_failed
    hook.paused = hook.paused or failures >= settings.webhook_pauses_after
    hook.next_attempt_at = attempt.at + RETRIES[min(failures, len(RETRIES)) - 1]
