"""A thread that applies deliveries, for sites without a queue for tasks.

It ends when nothing is due. A process that is killed, or a server without threads, loses nothing:
the deliveries are in the inbox, and `patreon_tick` applies them.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from datetime import timedelta

from django.db import connections, router
from django.utils import timezone

from django_patreon.models import WebhookDelivery

from .applying import apply_waiting, next_due

__all__ = ["wake"]

logger = logging.getLogger("django_patreon")

GATHER = 0.3
"""Seconds before work begins: one user action may send several events about one member."""
STAY = timedelta(seconds=10)
"""The thread stays for a delivery that is due within this time."""


class _Worker:
    """The thread of this process, if there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_running = self._has_more = False

    def wake(self) -> None:
        with self._lock:
            self._has_more = True
            if self._is_running:
                return
            self._is_running = True
        threading.Thread(target=self._run, name="patreon-webhooks", daemon=True).start()

    def _run(self) -> None:
        try:
            while True:
                time.sleep(GATHER)
                with self._lock:
                    self._has_more = False
                apply_waiting()
                soon = _seconds_to_next()
                with self._lock:
                    if not self._has_more and soon is None:
                        self._is_running = False
                        return
                time.sleep(soon or 0)
        except Exception:  # such as a database that is away: patreon_tick goes on
            logger.exception("Webhook deliveries were not applied; patreon_tick tries again")
            with self._lock:
                self._is_running = False
        finally:
            connections.close_all()  # those of this thread


def _seconds_to_next() -> float | None:
    """Return the seconds until the next delivery is due; None if that is not soon."""
    due = next_due()
    if due is None:
        return None
    left = due - timezone.now()
    return max(0.0, left.total_seconds()) if left <= STAY else None


_worker = _Worker()


def wake() -> None:
    """Apply what waits in a thread of this process, soon.

    Does nothing inside a transaction, such as that of a TestCase: a thread would not see the rows.
    """
    if not connections[router.db_for_write(WebhookDelivery)].in_atomic_block:
        _worker.wake()


def _start_afresh() -> None:
    global _worker
    _worker = _Worker()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)
