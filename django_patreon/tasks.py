"""The background work, as task objects for whatever queue the site has.

    tasks.refresh_tokens.enqueue(days=7)    renew what ends soon; once a day
    tasks.keep_groups.enqueue()             see what has ended by the clock; as often as it matters

They are tasks of Django's own framework (6.0), or of the package `django-tasks` (the extra `tasks`)
on Django 5.2. Where neither is there, `enqueue` does the work at once, as both do by default. They
take and return plain JSON, may run twice at once, and can be run again after anything. Each is also
a management command, for cron.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from . import groups, tokens

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


__all__ = ["keep_groups", "refresh_tokens"]

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
