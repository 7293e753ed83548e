"""Conversion between aware and naive datetimes.

A naive datetime is in `TIME_ZONE`, as Django stores it when `USE_TZ` is off. The time zone that a
request has activated is for showing times only, so it is not used here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

__all__ = ["DatabaseNow", "now", "to_aware", "to_stored"]


class DatabaseNow(Now):
    """The database's time in UTC. MySQL's NOW() is in the time zone of its session."""

    def as_mysql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> Any:
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **context)


def now() -> datetime:
    """Return the present as an aware datetime, whatever `USE_TZ` is."""
    return to_aware(timezone.now())


def to_aware(moment: datetime) -> datetime:
    """Return the same moment with a zone."""
    if timezone.is_aware(moment):
        return moment
    return timezone.make_aware(moment, timezone.get_default_timezone())


def to_stored(moment: datetime) -> datetime:
    """Return the moment as this site's columns store it: aware if `USE_TZ` is on, else naive."""
    if moment.tzinfo is UTC and settings.USE_TZ:
        return moment
    if settings.USE_TZ:
        return to_aware(moment)
    if timezone.is_naive(moment):
        return moment
    return timezone.make_naive(moment, timezone.get_default_timezone())
