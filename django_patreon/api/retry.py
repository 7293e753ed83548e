"""Trying again, where that is safe and has a chance."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django_patreon.exceptions import RateLimited, Unavailable

__all__ = ["BRIEFLY", "NEVER", "Patience"]

T = TypeVar("T")

PASSING = frozenset({None, 429, *range(500, 505), *range(520, 525)})
"""Errors worth a retry: no answer, 429, 500 to 504, and Cloudflare's 520 to 524."""
SHORTEST_PAUSE = 0.1
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Repeats a request that failed, for `seconds` in all.

    Only for requests that change nothing. Repeats after the errors of `PASSING`, and never after
    another 4xx, which would be refused again and counts towards Patreon's block. A wait that
    Patreon names is kept. If it is longer than the time that is left, the error is raised at once,
    with `retry_after`, so that a job can be put off instead of a worker sleeping. Pauses double,
    with full jitter, so that clients that failed together do not return together.
    """

    seconds: float
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[float, float], float] = random.uniform

    def run(self, ask: Callable[[], T]) -> T:
        """Return the first answer. Raises the last error when the time is used up."""
        end = self.clock() + self.seconds
        longest = FIRST_PAUSE
        while True:
            try:
                return ask()
            except (RateLimited, Unavailable) as error:
                if error.code == "tls_error" or error.status not in PASSING:
                    raise
                # Also if Patreon names 0 seconds, which would make a busy loop.
                pause = max(error.retry_after or 0.0, self.jitter(SHORTEST_PAUSE, longest))
                if self.clock() + pause >= end:
                    raise
            self.sleep(pause)
            longest = min(2 * longest, LONGEST_PAUSE)


NEVER = Patience(seconds=0)
"""One try only."""
BRIEFLY = Patience(seconds=5)
"""For requests that a person waits for. A try that timed out has used it up."""
