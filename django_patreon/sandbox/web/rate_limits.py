"""Patreon's rate limits: 100 requests in 2 s per client, 100 in a minute per token (official)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

__all__ = ["BLOCK_SECONDS", "RateLimits"]

BLOCK_SECONDS = 1800
"""How long the edge blocks a client after too many errors (observed)."""


class _Window:
    """At most `most` requests in any `seconds`."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self.times: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Return the seconds until one more is allowed; 0 if it is allowed now."""
        while self.times and self.times[0] <= now - self.seconds:
            self.times.popleft()
        return 0.0 if len(self.times) < self.most else self.times[0] + self.seconds - now


class RateLimits:
    """Counts requests and errors. `tick` returns seconds of a monotonic clock.

    More than 2000 errors in ten minutes block the client for `BLOCK_SECONDS`. The edge counts by
    IP address (observed); the sandbox counts all clients together.
    """

    def __init__(self, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._client = _Window(100, 2)
        # The tokens of the last minute, in the order of their last use. The client's own limit
        # bounds how many there can be.
        self._tokens: dict[str, _Window] = {}
        self._errors = _Window(2000, 600)
        self._blocked_until = 0.0

    def is_blocked(self) -> bool:
        """Does the edge block the client now?"""
        return self._tick() < self._blocked_until

    def retry_after(self, token: str) -> int:
        """Count one request with this token. Return 0, or the seconds to wait if it is refused."""
        now = self._tick()
        self._forget_unused(now)
        window = self._tokens.get(token) or _Window(100, 60)
        wait = max(self._client.wait(now), window.wait(now))
        if wait > 0:
            return math.ceil(wait)
        self._client.times.append(now)
        if token:
            window.times.append(now)
            self._tokens.pop(token, None)
            self._tokens[token] = window
        return 0

    @property
    def windows(self) -> int:
        """How many tokens are counted now."""
        return len(self._tokens)

    def _forget_unused(self, now: float) -> None:
        """Drop the tokens that were not used in the last minute."""
        while self._tokens:
            token, oldest = next(iter(self._tokens.items()))
            if oldest.times[-1] > now - oldest.seconds:
                return
            del self._tokens[token]

    def count_error(self) -> None:
        """Count one answer with a status of 4xx."""
        now = self._tick()
        if self._errors.wait(now) > 0:
            self._blocked_until = now + BLOCK_SECONDS
        self._errors.times.append(now)
