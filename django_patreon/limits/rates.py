"""The limits, and the arithmetic that keeps them: GCRA, a leaky bucket in one number.

The number is an arrival: the time, in microseconds since 1970, until which the bucket is in use. A
request goes when that is no further ahead than the burst allows, and moves it one step further. In
any `window` at most `burst + window * per_second` go, which is kept below Patreon's limits: 100 in
2 s for a client, 100 a minute for a token (official).

Patreon's edge shuts a site out for half an hour that gets more than 2000 answers of 4xx in ten
minutes (observed). All refusals of a site together stay below that, and are counted apart by what
causes them, so that one cause does not stop what has nothing to do with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = [
    "ADDRESS",
    "CLIENT",
    "CODES",
    "MOST_AHEAD",
    "NO_ADDRESS",
    "REFUSALS",
    "RENEWALS",
    "SESSION",
    "TOKEN",
    "Rate",
    "Store",
    "taken",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A rate limit: `burst` requests at once, then `per_second`."""

    burst: int
    per_second: float

    @property
    def step(self) -> int:
        """Microseconds that one request takes up."""
        return round(1_000_000 / self.per_second)

    @property
    def slack(self) -> int:
        """Microseconds that the arrival may be ahead of now for a request to go."""
        return self.step * (self.burst - 1)


# A tenth below Patreon's limits, since requests may arrive closer together than they were sent.
CLIENT = Rate(burst=15, per_second=38)
TWO_OF_CLIENT = Rate(burst=CLIENT.burst // 2, per_second=CLIENT.per_second / 2)
"""Two requests of the client at once, in the same bucket."""
TOKEN = Rate(burst=30, per_second=1)
REFUSALS = Rate(burst=200, per_second=1)
"""Refused calls of the API, and refusals of the site's own id and secret."""
RENEWALS = Rate(burst=150, per_second=0.5)
"""Refused refresh tokens: each is one account whose connection has ended."""
CODES = Rate(burst=150, per_second=0.5)
"""Refused sign-ins of all visitors together."""
SESSION = Rate(burst=5, per_second=1 / 60)
"""Refused sign-ins of one session."""
ADDRESS = Rate(burst=20, per_second=0.1)
"""Refused sign-ins of one address, which a school or a company may share."""
NO_ADDRESS = Rate(burst=75, per_second=0.25)
"""Refused sign-ins of all visitors whose address is not known: half, so that others can sign in."""

MOST_AHEAD = 3600 * 1_000_000
"""Microseconds. No burst and no push reaches an hour ahead, so an arrival later than that was
written by a wrong clock, and is ignored."""


def taken(arrival: int, rate: Rate, now: int) -> tuple[int, int]:
    """Take room at `now`. Return the new arrival, and the microseconds to wait; 0 if there is
    room."""
    if arrival > now + MOST_AHEAD:
        arrival = 0
    wait = arrival - rate.slack - now
    return (arrival, wait) if wait > 0 else (max(arrival, now) + rate.step, 0)


class Store(Protocol):
    """Where arrivals are kept. Each call is atomic among all processes that share the store."""

    def take(self, key: str, rate: Rate) -> float:
        """Take room in a bucket. Return 0.0, or the seconds until there is room."""

    def wait(self, key: str, rate: Rate) -> float:
        """Return the seconds until there is room in a bucket, 0.0 if there is, and take none."""

    def push(self, key: str, rate: Rate, seconds: float) -> None:
        """Leave no room in a bucket for so many seconds from now."""
