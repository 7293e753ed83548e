"""The gate before every request, and what opens and shuts it."""

from __future__ import annotations

import importlib
import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TypeVar

from django_patreon.api import Gate
from django_patreon.conf import patreon_settings
from django_patreon.exceptions import RateLimited
from django_patreon.models import RateBucket

from .database import DatabaseStore, Now, StoreBusy
from .process import ProcessStore
from .rates import CLIENT, REFUSALS, TOKEN, Rate, Store

__all__ = ["SharedGate", "current_gate", "forget_idle", "longest_wait", "waiting_up_to"]

logger = logging.getLogger("django_patreon")
T = TypeVar("T")

LONGEST_PUSH = 900.0
"""Seconds: however long a 429 wants, somebody tries again after a quarter of an hour."""
UNSAID_PUSH = 5.0
AWAY = 10.0
"""Seconds for which a store that failed is not asked: each try may have to time out."""
BREAK = 60.0
"""Seconds without any request, after too many refusals."""

_willing: ContextVar[float] = ContextVar("willing", default=2.0)


@contextmanager
def waiting_up_to(seconds: float) -> Iterator[None]:
    """Let requests made here wait so long for room: for jobs. A view waits two seconds at most."""
    before = _willing.set(seconds)
    try:
        yield
    finally:
        _willing.reset(before)


def longest_wait() -> float:
    """The seconds that a request made here may wait for room."""
    return _willing.get()


class SharedGate:
    """Keeps the limits in a store; in this process alone while the store cannot be reached.

    A limit must never be what breaks a sign-in, so whatever goes wrong with the store is logged and
    got over.
    """

    def __init__(self, store: Store) -> None:
        self._store, self._spare = store, ProcessStore()
        self._away_until = 0.0

    def enter(self, bucket: str) -> None:
        """Wait for room, or raise `RateLimited`."""
        until = time.monotonic() + _willing.get()
        if bucket:
            self._wait(f"token:{bucket}", TOKEN, until)
        self._wait("client", CLIENT, until)

    def told_to_wait(self, seconds: float | None) -> None:
        """Keep everybody out for so long: a 429 does not say whose limit it was."""
        pause = min(UNSAID_PUSH if seconds is None else seconds, LONGEST_PUSH)
        self._either(lambda store: store.push("client", CLIENT, pause))

    def refused(self) -> None:
        """Count a refusal; shut the gate for a minute when there are too many."""
        if self._either(lambda store: store.take("refusals", REFUSALS)) > 0:
            logger.error(
                "Patreon refuses too much of what we ask: no requests for %.0f seconds.", BREAK
            )
            self._either(lambda store: store.push("client", CLIENT, BREAK))

    def _wait(self, key: str, rate: Rate, until: float) -> None:
        while (wait := self._either(lambda store: store.take(key, rate))) > 0:
            if time.monotonic() + wait > until:
                raise RateLimited(
                    "Too many requests to Patreon at once: this one was not sent.",
                    code="own_limit",
                    retry_after=wait,
                )
            time.sleep(wait * random.uniform(1.0, 1.2))  # noqa: S311  (not all at once)

    def _either(self, work: Callable[[Store], T]) -> T:
        if time.monotonic() >= self._away_until:
            try:
                return work(self._store)
            except StoreBusy:
                pass
            except Exception as error:  # see the class
                self._away_until = time.monotonic() + AWAY
                logger.warning("The shared rate limit is out of reach (%s).", type(error).__name__)
        return work(self._spare)


def current_gate() -> Gate | None:
    """The gate that the setting RATE_LIMIT asks for; None for none."""
    return _gate_for(patreon_settings().RATE_LIMIT)


@cache
def _gate_for(where: str | None) -> SharedGate | None:
    if where is None:
        return None
    if where == "database":
        return SharedGate(DatabaseStore())
    if where == "process":
        return SharedGate(ProcessStore())
    # Only who asks for Redis needs its package.
    return SharedGate(
        importlib.import_module("django_patreon.limits.redis_store").RedisStore(where)
    )


def forget_idle() -> None:
    """Delete the rows of buckets that have been empty for a day."""
    RateBucket.objects.filter(arrival__lt=Now() - 86400 * 1_000_000).delete()
