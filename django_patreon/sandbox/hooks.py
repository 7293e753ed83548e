"""Webhooks as Patreon keeps them: who wants to hear what, the queue, retries and pausing."""

from __future__ import annotations

import hashlib
import hmac
import random
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from .local import is_local_host
from .switches import Switches
from .things import Attempt, Delivery, Hook
from .world import World

__all__ = ["TRIGGERS", "due", "enqueue", "new_hook", "record", "signature", "wrong_uri"]

# Official; the three at the end are of API v1 and fire nothing here.
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
# After each failure in a row: the next try (official); after the last, only by hand.
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
    """Lowercase hex HMAC-MD5 of the body's bytes, the key being the hook's secret (official)."""
    return hmac.new(secret.encode(), body.encode(), hashlib.md5).hexdigest()


def _is_local(uri: str) -> bool:
    """Does this address look local? The courier judges what its host resolves to."""
    try:
        name = urlsplit(uri).hostname or ""
    except ValueError:
        return False
    return is_local_host(name)


def wrong_uri(uri: object) -> str:
    """Why an address cannot be a hook's; empty when it can.

    Patreon takes https only (observed). Here http is taken for local addresses, too.
    """
    if not isinstance(uri, str) or len(uri) > 2000 or not uri.isascii():
        return "uri must be an address."
    try:
        parts = urlsplit(uri)
        bare = not parts.hostname or parts.port == 0
    except ValueError:
        return "uri must be an address."
    if bare or any(character <= " " for character in uri):
        return "uri must be an address."
    if parts.scheme == "https" or (parts.scheme == "http" and _is_local(uri)):
        return ""
    return "uri must begin with https://."


def new_hook(world: World, campaign_id: str, uri: str, triggers: list[str], owner: str) -> Hook:
    """Register an address. Owned by the client, or by the portal page: the API shows no such."""
    number = world.new_number()
    secret = hashlib.sha256(f"sandbox-hook/{number}".encode()).hexdigest()
    hook = Hook(
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
    switches: Switches,
    campaign_id: str,
    events: list[tuple[str, str]],
    *,
    only: Hook | None = None,
) -> list[Delivery]:
    """Put events, in their order, into the queue of every hook that wants them."""
    made: list[Delivery] = []
    for hook in [only] if only else list(world.hooks.values()):
        if hook.campaign_id != campaign_id:
            continue
        burst = [
            Delivery(
                id=world.new_number(),
                hook_id=hook.id,
                event=event,
                body=body,
                happened_at=world.clock.now(),
            )
            for event, body in events
            if only or event in hook.triggers
            for _ in range(switches.webhook_copies)
        ]
        hook.queue += burst
        # What never gets through is given up from its oldest end: unknown, but finite.
        del hook.queue[:-_LONGEST_QUEUE]
        made += burst
    return made


def due(hook: Hook, switches: Switches, now: datetime) -> Delivery | None:
    """What this hook is to be sent now, if anything."""
    if switches.webhook_hold or hook.paused or not hook.queue:
        return None
    if hook.next_attempt_at is None or hook.next_attempt_at <= now:
        return _next(hook.queue, switches)
    if switches.webhook_holds_back:
        return None
    return _next([each for each in hook.queue if not each.attempts], switches)


def _next(queue: list[Delivery], switches: Switches) -> Delivery | None:
    if not queue:
        return None
    if switches.webhook_order == "reversed":
        return queue[-1]
    if switches.webhook_order == "shuffled":
        return random.Random(queue[0].id).choice(queue)  # noqa: S311  (the same in every run)
    return queue[0]


def record(hook: Hook, delivery: Delivery, attempt: Attempt, switches: Switches) -> None:
    """Note how an attempt went, and when the next one is due."""
    delivery.attempts.append(attempt)
    hook.last_attempted_at = attempt.at
    good = range(200, 300) if switches.webhook_success == "any 2xx" else (200,)
    if attempt.status in good:
        delivery.delivered = True
        if delivery in hook.queue:
            hook.queue.remove(delivery)
        # A success sends all that waits (official).
        hook.num_consecutive_times_failed, hook.next_attempt_at = 0, None
        return
    hook.num_consecutive_times_failed += 1
    failures = hook.num_consecutive_times_failed
    hook.paused = hook.paused or failures >= switches.webhook_pauses_after
    hook.next_attempt_at = attempt.at + RETRIES[min(failures, len(RETRIES)) - 1]
