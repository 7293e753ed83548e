"""The gate before every request, and what opens and shuts it."""

from __future__ import annotations

import importlib
import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TypeVar

from django_patreon.conf import patreon_settings
from django_patreon.exceptions import RateLimited
from django_patreon.models import RateBucket

from .database import DatabaseStore, Now, StoreBusy
from .process import ProcessStore
from .rates import CLIENT, NO_ADDRESS, REFUSALS, RENEWALS, TOKEN, TWO_OF_CLIENT, Rate, Store

__all__ = [
    "UNKNOWN_VISITORS",
    "Budget",
    "SharedGate",
    "current_gate",
    "forget_idle",
    "longest_wait",
    "refusals_count_for",
    "two_requests",
    "waiting_up_to",
]

logger = logging.getLogger("django_patreon")
T = TypeVar("T")
Budget = tuple[str, Rate]
"""A bucket's key, and how many refusals it has room for."""

LONGEST_PUSH = 900.0
"""Seconds that a 429 can make us wait at most, however long it asks for."""
UNSAID_PUSH = 5.0
AWAY = 10.0
"""Seconds for which a store that failed is not asked again: each try may time out."""
BREAK = 60.0
"""Seconds without any request, after too many refusals."""

ALERT = 600.0
"""Seconds after a refusal during which budgets are read before each request. A site without
refusals needs no statement for them."""

_renewals: Budget = ("refresh tokens", RENEWALS)
UNKNOWN_VISITORS: Budget = ("codes:no-address", NO_ADDRESS)
"""The budget of all visitors whose address is not known."""
_budgets: ContextVar[Sequence[Budget]] = ContextVar("budgets", default=())
_rates: ContextVar[Iterator[Rate | None]] = ContextVar("rates", default=iter(()))  # noqa: B039
"""The rates for the next requests; None for one that has its room already. After them `CLIENT`."""
_willing: ContextVar[float] = ContextVar("willing", default=2.0)


@contextmanager
def waiting_up_to(seconds: float) -> Iterator[None]:
    """Let requests made inside wait for room for so many seconds, for jobs. Others wait for two."""
    before = _willing.set(seconds)
    try:
        yield
    finally:
        _willing.reset(before)


def longest_wait() -> float:
    """Return the seconds that a request made here may wait for room."""
    return _willing.get()


@contextmanager
def refusals_count_for(budgets: Sequence[Budget]) -> Iterator[None]:
    """Count refusals by Patreon in `budgets`, unless Patreon refuses the site itself."""
    before = _budgets.set(budgets)
    try:
        yield
    finally:
        _budgets.reset(before)


@contextmanager
def two_requests() -> Iterator[None]:
    """Let the first request made inside take room for a second one, too.

    A sign-in makes two requests, and asks the store once for both.
    """
    before = _rates.set(iter((TWO_OF_CLIENT, None)))
    try:
        yield
    finally:
        _rates.reset(before)


class SharedGate:
    """Keeps the limits in a store, or in this process alone while the store cannot be reached.

    A limit must never be what breaks a sign-in, so an error of the store is logged and not raised.
    """

    def __init__(self, store: Store) -> None:
        self._store, self._spare = store, ProcessStore()
        self._away_until = self._alert_until = 0.0

    def enter(self, bucket: str, *, renews: bool = False) -> None:
        """Wait for room, or raise `RateLimited`."""
        if renews and (wait := self.wait_of([_renewals])) > 0:
            raise _not_sent("Patreon has refused too many refresh tokens: none is sent now.", wait)
        until = time.monotonic() + _willing.get()
        if bucket:
            self._wait(f"token:{bucket}", TOKEN, until)
        if (rate := next(_rates.get(), CLIENT)) is not None:
            self._wait("client", rate, until)

    def told_to_wait(self, seconds: float | None) -> None:
        """Let no request go for so many seconds: a 429 does not say which limit was passed."""
        pause = min(UNSAID_PUSH if seconds is None else seconds, LONGEST_PUSH)
        self._either(lambda store: store.push("client", CLIENT, pause))

    def wait_of(self, budgets: Sequence[Budget]) -> float:
        """Return the seconds until all budgets have room for one more refusal; 0.0 if they have
        now.

        Makes no statement if this process has seen no refusal for `ALERT` seconds.
        """
        if time.monotonic() >= self._alert_until:
            return 0.0
        return max(map(self._look, budgets))

    def refused(self, status: int, code: str, *, renews: bool = False) -> None:
        """Count a refusal in the budget it belongs to.

        A refused code belongs to the visitor who brought it, and a refused refresh token to its
        account; they have budgets of their own, which `wait_of` reads. Too many other refusals stop
        all requests for a minute. A 429, `invalid_client`, and an answer without a code (a page of
        Patreon's edge) always count as other refusals.
        """
        budgets = [_renewals] if renews else _budgets.get()
        if budgets and status != 429 and code not in ("", "invalid_client"):
            self._alert_until = time.monotonic() + ALERT
            for budget in budgets:
                if self._take(*budget) > 0:
                    logger.warning(
                        "Patreon has refused too many %s%s",
                        budget[0].partition(":")[0],
                        ". Set PATREON['CLIENT_ADDRESS']: the addresses of these visitors are"
                        " unknown, so one can delay all of them."
                        if budget == UNKNOWN_VISITORS
                        else "",
                    )
        elif self._take("refusals", REFUSALS) > 0:
            logger.error(
                "Patreon refuses too much of what we ask: no requests for %.0f seconds.", BREAK
            )
            self._either(lambda store: store.push("client", CLIENT, BREAK))

    def _wait(self, key: str, rate: Rate, until: float) -> None:
        while (wait := self._take(key, rate)) > 0:
            if time.monotonic() + wait > until:
                raise _not_sent(
                    "Too many requests to Patreon at once: this one was not sent.", wait
                )
            time.sleep(wait * random.uniform(1.0, 1.2))  # noqa: S311  (not all at once)

    def _take(self, key: str, rate: Rate) -> float:
        return self._either(lambda store: store.take(key, rate))

    def _look(self, budget: Budget) -> float:
        return self._either(lambda store: store.wait(*budget))

    def _either(self, work: Callable[[Store], T]) -> T:
        if time.monotonic() >= self._away_until:
            try:
                return work(self._store)
            except StoreBusy:
                pass
            except Exception as error:  # a limit must never break a sign-in
                self._away_until = time.monotonic() + AWAY
                logger.warning("The shared rate limit is out of reach (%s).", type(error).__name__)
        return work(self._spare)


def _not_sent(message: str, wait: float) -> RateLimited:
    return RateLimited(message, code="own_limit", retry_after=wait)


def current_gate() -> SharedGate | None:
    """Return the gate for the setting RATE_LIMIT; None if the setting is None."""
    return _gate_for(patreon_settings().RATE_LIMIT)


@cache
def _gate_for(where: str | None) -> SharedGate | None:
    if where is None:
        return None
    if where == "database":
        return SharedGate(DatabaseStore())
    if where == "process":
        return SharedGate(ProcessStore())
    # Only sites that choose Redis need its package.
    return SharedGate(
        importlib.import_module("django_patreon.limits.redis_store").RedisStore(where)
    )


def forget_idle() -> None:
    """Delete the rows of buckets that have been empty for a day."""
    RateBucket.objects.filter(arrival__lt=Now() - 86400 * 1_000_000).delete()
