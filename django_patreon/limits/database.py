"""Arrivals in the site's own database: one row a bucket, one UPDATE a request.

The UPDATE tests and takes in one statement, which is right on every database; Django's cache API is
not: what it reads it may have read before another process wrote. Times are those of the machines,
whose clocks are taken to agree within a fraction of a second.
"""

from __future__ import annotations

import time

from django.db import connections, router
from django.db.models import F, Value
from django.db.models.functions import Greatest

from django_patreon.durable import in_callers_transaction, run_durably
from django_patreon.models import RateBucket

from .rates import Rate

__all__ = ["DatabaseStore", "StoreBusy"]


class StoreBusy(Exception):
    """The caller's own transaction stands between us and the row."""


class DatabaseStore:
    """A `Store` for all processes that share the database."""

    def take(self, key: str, rate: Rate) -> float:
        using = _using()

        def attempt() -> float:
            rows = RateBucket.objects.using(using).filter(key=key)
            for _ in range(3):
                now = time.time_ns() // 1000
                room = rows.filter(arrival__lte=now + rate.slack)
                if room.update(arrival=Greatest(F("arrival"), Value(now)) + rate.step):
                    return 0.0
                arrival = rows.values_list("arrival", flat=True).first()
                if arrival is None:
                    first = RateBucket(key=key, arrival=0)
                    RateBucket.objects.using(using).bulk_create([first], ignore_conflicts=True)
                elif arrival > now + rate.slack:
                    return float(arrival - rate.slack - now) / 1e6
            return rate.step / 1e6

        return run_durably(attempt, using=using)

    def push(self, key: str, rate: Rate, seconds: float) -> None:
        using = _using()

        def write() -> None:
            until = time.time_ns() // 1000 + int(seconds * 1e6) + rate.slack
            row = RateBucket(key=key, arrival=until)
            RateBucket.objects.using(using).bulk_create([row], ignore_conflicts=True)
            RateBucket.objects.using(using).filter(key=key, arrival__lt=until).update(arrival=until)

        run_durably(write, using=using)


def _using() -> str:
    """The database; a lock on it must not be held, or waited for, inside a caller's transaction."""
    using = router.db_for_write(RateBucket)
    if connections[using].vendor == "sqlite" and in_callers_transaction(using):
        raise StoreBusy  # there is one writer, and it is the caller
    return using
