"""Arrivals in the site's own database: one row a bucket, one UPDATE a request.

The UPDATE tests and takes in one statement, which is right on every database. Django's cache API is
not: what it reads it may have read before another process wrote. The time is that of the database,
so the clocks of the machines need not agree.
"""

from __future__ import annotations

import time
from typing import Any

from django.db import connections, router
from django.db.models import BigIntegerField, Case, F, Func, Q, When
from django.db.models.functions import Greatest

from django_patreon.durable import in_callers_transaction, run_durably
from django_patreon.models import RateBucket

from .rates import MOST_AHEAD, Rate

__all__ = ["DatabaseStore", "Now", "StoreBusy"]


class StoreBusy(Exception):
    """The row cannot be written now, because the caller's own transaction may lock it."""


class Now(Func):
    """The database's clock, in microseconds since 1970.

    On SQLite it is the machine's clock: all processes that share the file run on one machine.
    """

    output_field = BigIntegerField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        return "%s", [time.time_ns() // 1000]

    def as_postgresql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint)", []

    def as_mysql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> Any:
        # Not NOW(): when daylight saving time ends, one local time stands for two moments.
        return "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))", []


def _within(slack: int) -> Q:
    """Match a bucket that has room, or whose arrival is so far ahead that a clock must be wrong."""
    return Q(arrival__lte=Now() + slack) | Q(arrival__gt=Now() + MOST_AHEAD)


def _after(step: int) -> Case:
    impossible = When(arrival__gt=Now() + MOST_AHEAD, then=Now() + step)
    return Case(impossible, default=Greatest(F("arrival"), Now()) + step)


class DatabaseStore:
    """A `Store` for all processes that share the database."""

    def take(self, key: str, rate: Rate) -> float:
        using = _using()

        def attempt() -> float:
            rows = RateBucket.objects.using(using).filter(key=key)
            for _ in range(3):
                if rows.filter(_within(rate.slack)).update(arrival=_after(rate.step)):
                    return 0.0
                ahead = rows.values_list(F("arrival") - Now(), flat=True).first()
                if ahead is None:
                    first = RateBucket(key=key, arrival=0)
                    RateBucket.objects.using(using).bulk_create([first], ignore_conflicts=True)
                elif ahead > rate.slack:
                    return float(ahead - rate.slack) / 1e6
            return rate.step / 1e6

        return run_durably(attempt, using=using)

    def wait(self, key: str, rate: Rate) -> float:
        rows = RateBucket.objects.using(_using()).filter(key=key, arrival__lt=Now() + MOST_AHEAD)
        ahead = rows.values_list(F("arrival") - Now(), flat=True).first()
        return max(0.0, float((ahead or 0) - rate.slack) / 1e6)

    def push(self, key: str, rate: Rate, seconds: float) -> None:
        using = _using()

        def write() -> None:
            until = Now() + int(seconds * 1e6) + rate.slack
            row = RateBucket(key=key, arrival=0)
            RateBucket.objects.using(using).bulk_create([row], ignore_conflicts=True)
            rows = RateBucket.objects.using(using).filter(key=key)
            rows.update(arrival=Greatest(F("arrival"), until))

        run_durably(write, using=using)


def _using() -> str:
    """Return the alias of the database. Raises `StoreBusy` where the caller's transaction has the
    lock."""
    using = router.db_for_write(RateBucket)
    if connections[using].vendor == "sqlite" and in_callers_transaction(using):
        raise StoreBusy  # SQLite has one writer, and it is the caller
    return using
