"""Patreon's rate limits: 100 requests in 2 s per client, 100 in a minute per token (official)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

__all__ = ["RateLimits"]


class _Window:
    """At most `most` in any `seconds`."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self.times: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Seconds until there is room; 0 when there is."""
        while self.times and self.times[0] <= now - self.seconds:
            self.times.popleft()
        return 0.0 if len(self.times) < self.most else self.times[0] + self.seconds - now


class RateLimits:
    """Counts requests, and refusals: 2000 of those in ten minutes close the door for thirty
    (observed for the edge, by address; there is one address here)."""

    def __init__(self, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._client = _Window(100, 2)
        # The tokens used in the last minute, in the order of their last use. The limit of the
        # client bounds how many those can be.
        self._tokens: dict[str, _Window] = {}
        self._refusals = _Window(2000, 600)
        self._closed_until = 0.0

    def closed(self) -> bool:
        """Has the edge shut the door?"""
        return self._tick() < self._closed_until

    def retry_after(self, token: str) -> int:
        """Count one request with this token; 0, or the whole seconds to wait before the next."""
        now = self._tick()
        self._forget_unused(now)
        theirs = self._tokens.get(token) or _Window(100, 60)
        wait = max(self._client.wait(now), theirs.wait(now))
        if wait > 0:
            return math.ceil(wait)
        self._client.times.append(now)
        if token:
            theirs.times.append(now)
            self._tokens.pop(token, None)
            self._tokens[token] = theirs
        return 0

    @property
    def windows(self) -> int:
        """How many tokens are being counted."""
        return len(self._tokens)

    def _forget_unused(self, now: float) -> None:
        """Drop tokens without a request in the last minute."""
        while self._tokens:
            token, oldest = next(iter(self._tokens.items()))
            if oldest.times[-1] > now - oldest.seconds:
                return
            del self._tokens[token]

    def refused(self) -> None:
        """Count one answer of 4xx."""
        now = self._tick()
        if self._refusals.wait(now) > 0:
            self._closed_until = now + 1800
        self._refusals.times.append(now)
