"""Renew all that will expire soon, before anybody has to wait for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import connections
from django.db.models import Q
from django.utils import timezone

from django_patreon.exceptions import PatreonError, RateLimited, ReconnectRequired
from django_patreon.limits import forget_idle, waiting_up_to
from django_patreon.models import PatreonAccount

from .renewal import refresh

__all__ = ["Renewals", "refresh_expiring"]

logger = logging.getLogger("django_patreon")

TRIES = 3
LONGEST_WAIT = 60.0
PAUSE_AFTER_REFUSAL = 1.1
"""Seconds that a worker pauses after Patreon refused an account."""


@dataclass(kw_only=True)
class Renewals:
    """The result of a run: how many accounts were `renewed`, the Patreon ids of those that must
    `reconnect`, and by Patreon id why others `failed` (they are tried again by the next run)."""

    renewed: int = 0
    reconnect: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def refresh_expiring(within: timedelta, *, workers: int = 4) -> Renewals:
    """Renew each connected account whose access token has less than `within` left, or no known end.

    Safe to run twice at once. One bad account does not stop the others, and memory does not grow
    with their number.
    """
    forget_idle()
    result = Renewals()
    running: dict[Future[None], str] = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="django_patreon") as pool:
        for account in _expiring(within):
            if len(running) >= 2 * workers:
                _collect(running, result, all_of_them=False)
            running[pool.submit(_renew, account, workers)] = account.patreon_id
        _collect(running, result, all_of_them=True)
    return result


def _expiring(within: timedelta) -> Iterator[PatreonAccount]:
    """Yield accounts in batches: a cursor that is open for hours would keep a transaction open."""
    last = 0
    soon = timezone.now() + within
    while True:
        found = list(
            PatreonAccount.objects.filter(
                Q(token_expires_at__lte=soon) | Q(token_expires_at=None),
                pk__gt=last,
                state=PatreonAccount.State.CONNECTED,
            ).order_by("pk")[:100]
        )
        if not found:
            return
        yield from found
        last = found[-1].pk


def _renew(account: PatreonAccount, workers: int) -> None:
    try:
        for remaining in reversed(range(TRIES)):
            try:
                with waiting_up_to(LONGEST_WAIT):
                    refresh(account)
            except RateLimited as error:
                if not remaining:
                    raise
                time.sleep(min(error.retry_after or 5.0, LONGEST_WAIT))
            except ReconnectRequired as error:
                if error.was_refused:
                    # All workers together cause one refusal a second. Patreon blocks a site that
                    # causes too many, and then nobody can sign in.
                    time.sleep(PAUSE_AFTER_REFUSAL * workers)
                raise
            else:
                return
    finally:
        connections.close_all()  # those of this thread


def _collect(running: dict[Future[None], str], result: Renewals, *, all_of_them: bool) -> None:
    while running:
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            patreon_id = running.pop(future)
            try:
                future.result()
            except ReconnectRequired:
                result.reconnect.append(patreon_id)
            except PatreonError as error:
                result.failed[patreon_id] = str(error)
            except Exception as error:  # one bad account must not stop the others
                logger.error("Account %s could not be renewed", patreon_id, exc_info=error)
                result.failed[patreon_id] = f"{type(error).__name__} (see the log)"
            else:
                result.renewed += 1
        if not all_of_them:
            return
