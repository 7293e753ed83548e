"""The background work, as task objects for whatever queue the site has.

    tasks.refresh_tokens.enqueue(days=7)    renew what ends soon; once a day
    tasks.keep_groups.enqueue()             see what has ended by the clock; as often as it matters
    tasks.sync_campaign.enqueue("4410027")  read all members of a connected campaign; once a day
    tasks.apply_deliveries.enqueue()        apply the webhook deliveries that wait
    tasks.look_at_member.enqueue("4410027", "9f0c...")    ask Patreon about one member

They are tasks of Django's own framework (6.0), or of the package `django-tasks` (the extra `tasks`)
on Django 5.2. Where neither is there, `enqueue` does the work at once, as both do by default. They
take and return plain JSON, may run twice at once, and can be run again after anything. For
cron there are management commands; `patreon_tick` does all that is due.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from . import groups, sync, tokens, webhooks
from .models import Campaign

if TYPE_CHECKING:
    from django.http import HttpResponse

try:
    from django.tasks import task  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    try:
        from django_tasks import task  # type: ignore[no-redef]
    except ImportError:

        class _Task:
            """What this module needs of a task where there is no framework for them."""

            def __init__(self, func: Callable[..., Any]) -> None:
                self.func = self.call = self.enqueue = func

        def task() -> Callable[[Callable[..., Any]], _Task]:  # type: ignore[no-redef]
            return _Task


__all__ = [
    "apply_deliveries",
    "apply_deliveries_after",
    "ask_for_looks",
    "has_queue",
    "keep_groups",
    "look_at_member",
    "refresh_tokens",
    "sync_campaign",
]

logger = logging.getLogger("django_patreon")


# Nothing is said of queues and priorities: a site whose backend has no such thing would not start.
@task()
def refresh_tokens(days: float = 7, workers: int = 4) -> dict[str, Any]:
    """Renew the tokens that have less than `days` left, `workers` at once within Patreon's limits.

    Returns how many were `renewed`; the Patreon ids of whoever must `reconnect`; and what else went
    wrong, by Patreon id (`failed`: the next run tries again).
    """
    done = tokens.refresh_expiring(timedelta(days=days), workers=workers)
    if done.failed:
        logger.warning("%d tokens were not renewed; the next run tries again", len(done.failed))
    return {"renewed": done.renewed, "reconnect": done.reconnect, "failed": done.failed}


@task()
def keep_groups() -> dict[str, int]:
    """Put everybody into the groups of their tiers and out of the others; return how many changed.

    Changes are heard of at once; this sees what has ended because time has passed.
    """
    return {"changed": sum(1 for _ in groups.keep_all())}


@task()
def sync_campaign(
    campaign_id: str, dry_run: bool = False, force: bool = False, seconds: float | None = 300
) -> dict[str, Any]:
    """Read all members of the campaign with this Patreon id, as `sync.sync_campaign` does.

    Returns what `patreon_sync --json` prints of it: look at `state`. After `seconds` it stops, with
    `is_paused`, and the next call goes on. Raises `Campaign.DoesNotExist` for an unknown campaign.
    """
    campaign = Campaign.objects.get(patreon_id=campaign_id)
    return sync.sync_campaign(campaign, dry_run, force, seconds=seconds).as_dict()


@task()
def look_at_member(campaign_id: str, member_id: str, if_wanted: bool = False) -> dict[str, Any]:
    """Ask Patreon about one member of a connected campaign. Both ids are Patreon's.

    With `if_wanted` only if a look at this member is still wanted. Returns whether it has `looked`,
    and how many memberships that has `created`, `changed` and `ended`. Raises as `sync.sync_member`
    and changes nothing then; the next `patreon_tick` looks again at one that is wanted.
    """
    campaign = Campaign.objects.get(patreon_id=campaign_id)
    if if_wanted:
        saved = sync.look_if_wanted(campaign, member_id)
    else:
        saved = sync.sync_member(campaign, member_id)
    done = saved or sync.Saved()
    return {
        "looked": saved is not None,
        "created": done.created,
        "changed": done.changed,
        "ended": done.ended,
    }


@task()
def apply_deliveries(seconds: float = 60) -> dict[str, int]:
    """Apply the webhook deliveries that are due, and look again at the members they are about.

    Returns how many were `done`, `ignored`, `put_off` and `failed`, and how many `looks` it took.
    """
    return asdict(webhooks.apply_waiting(seconds=seconds))


def apply_deliveries_after(response: HttpResponse) -> None:
    """Have the deliveries that wait applied once `response` has been sent.

    By the site's queue for tasks, or else by a thread of this process.
    """
    close = response.close

    def close_and_apply() -> None:
        close()
        try:
            if has_queue():
                apply_deliveries.enqueue()
            else:
                webhooks.wake()
        except Exception as error:  # the delivery is stored, and patreon_tick applies it
            logger.warning("Webhook deliveries wait for patreon_tick: %s", type(error).__name__)

    response.close = close_and_apply  # type: ignore[method-assign]


def ask_for_looks(user_pk: Any) -> None:
    """Ask for a look at the memberships of a user, as far as what is known of them is old.

    Not while a request is answered: it writes to the database. Without a queue that another process
    works on, `patreon_tick` looks.
    """
    wanted = sync.ask_for_looks(user_pk)
    if wanted and has_queue():
        for campaign_id, member_id in wanted:
            look_at_member.enqueue(campaign_id, member_id, if_wanted=True)


def has_queue() -> bool:
    """Return True if another process does what is enqueued here."""
    if not hasattr(look_at_member, "get_backend"):
        return False
    kinds = type(look_at_member.get_backend()).__mro__
    return all(each.__name__ != "ImmediateBackend" for each in kinds)
