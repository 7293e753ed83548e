"""The clock of the sandbox, and how times are written."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

__all__ = ["MONTH", "Clock", "format_time"]

MONTH = timedelta(days=30)
"""The period of a monthly pledge here."""

_SECONDS_AHEAD = (datetime(9001, 1, 1, tzinfo=UTC) - datetime.now(UTC)).total_seconds()


@dataclass(kw_only=True)
class Clock:
    """Real time, plus the seconds by which the clock was moved forward."""

    ahead_seconds: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.ahead_seconds <= _SECONDS_AHEAD:
            raise ValueError("the clock can be ahead by 0 seconds, up to the year 9000")

    def now(self) -> datetime:
        """Return the time of the sandbox, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead_seconds)

    def after(self, seconds: float) -> datetime:
        """Return the time in that many seconds.

        Raises `ValueError` for negative seconds, or a time after the year 9000.
        """
        step = timedelta(seconds=seconds) if 0 <= seconds < 1e10 else None
        if step is None or (self.now() + step).year > 9000:
            raise ValueError("the clock moves forward only, and not beyond the year 9000")
        return self.now() + step

    def move_to(self, moment: datetime) -> None:
        """Move the clock forward to a time. A time in the past changes nothing."""
        self.ahead_seconds += max(0.0, (moment - self.now()).total_seconds())

    @staticmethod
    def tick() -> float:
        """Return real seconds, for the rate limits: they ignore a moved clock."""
        return time.monotonic()


def format_time(moment: datetime | None) -> str | None:
    """Return a time as Patreon writes it: `2023-12-29T05:26:19.000+00:00` (observed)."""
    if moment is None:
        return None
    return f"{moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}.000+00:00"
