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
"""What goes by: no answer, too much at once, a server's trouble, and its edge's."""
SHORTEST_PAUSE = 0.1
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a caller is willing to wait for an answer that failed: `seconds` in all.

    Only for requests that change nothing. Tries again after a lost connection, a time-out, 429 and
    500 to 504; never after another 4xx, which would be refused again and counts towards Patreon's
    block. A wait that Patreon names is kept to, and when it does not fit into what is left the
    error is raised at once, with `retry_after`, so that a job can be put off instead of a worker
    asleep. Pauses double, with full jitter, so that many who fail together do not return together.
    """

    seconds: float
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[float, float], float] = random.uniform

    def run(self, ask: Callable[[], T]) -> T:
        """Return the first answer. Raises the last error when patience is at its end."""
        end = self.clock() + self.seconds
        longest = FIRST_PAUSE
        while True:
            try:
                return ask()
            except (RateLimited, Unavailable) as error:
                if error.code == "tls_error" or error.status not in PASSING:
                    raise
                # Also when Patreon says "after 0 seconds": that must not become a busy loop.
                pause = max(error.retry_after or 0.0, self.jitter(SHORTEST_PAUSE, longest))
                if self.clock() + pause >= end:
                    raise
            self.sleep(pause)
            longest = min(2 * longest, LONGEST_PAUSE)


NEVER = Patience(seconds=0)
"""One try."""
BRIEFLY = Patience(seconds=5)
"""For a person who is waiting: gets over a hiccup. A try that timed out has used it up."""
