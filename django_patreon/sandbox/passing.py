"""How time passes in a sandbox: what is due happens in order, and requests are answered between."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from .courier import Courier
from .life import Life
from .world import World

__all__ = ["Passing"]

logger = logging.getLogger("django_patreon.sandbox")


class Passing(ABC):
    """The lock of a sandbox, and its clock: one event at a time, each under the lock by itself."""

    world: World
    life: Life

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._queue = threading.Lock()
        self._moving = threading.Lock()
        self._advancing = False

    @property
    @abstractmethod
    def courier(self) -> Courier:
        """Who carries the webhooks of the world that is there now."""

    @abstractmethod
    def keep(self) -> bool:
        """Write the state file, if there is to be one. Never raises."""

    def locked(self) -> threading.RLock:
        """The lock under which everything here is looked at and changed; for `with`.

        Do not call `handle` while holding it: requests wait for their turn first.
        """
        return self._lock

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the lock. Whoever waits for a turn has it before somebody takes a second one."""
        with self._queue:
            self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def tick(self) -> None:
        """Let happen what is due by now, and be sent what waits. Sending has threads of its own.

        Never raises: the server calls it between requests, and would end.
        """
        try:
            if self._catch_up():
                self.keep()
            self.courier.start()
        except Exception:
            logger.exception("The sandbox could not do what is due")

    def _catch_up(self) -> bool:
        """Let happen what is due by now, unless `advance` is doing so; True when something did."""
        happened = False
        while not self._advancing and self._step():
            happened = True
        return happened

    def _step(self) -> bool:
        """Let one event happen that is due; False when none is. Requests come between events."""
        with self._turn():
            return self.life.step(self.world.clock.now())

    def advance(self, seconds: float) -> datetime:
        """Move the clock forward, through everything that happens on the way, in its order.

        Each event is sent, and its answer waited for, before the clock moves on: so are retries,
        each at its time. Returns the new time. Raises `ValueError` for going back. Do not call
        this from inside a request: it waits for others.
        """
        with self._moving:
            target = self.world.clock.after(seconds)
            self._advancing = True
            try:
                while self._move_on(target):
                    while self._step():
                        pass
                    self.courier.settle()
            finally:
                self._advancing = False
            self.keep()
            self.courier.settle()
            return target

    def _move_on(self, target: datetime) -> bool:
        """Move the clock to the next moment at which something is due, or to the target."""
        with self._turn():
            moments = [self.life.next_due(), self.courier.next_retry()]
            when = min((each for each in moments if each is not None), default=None)
            found = when is not None and when <= target
            self.world.clock.move_to(when if when is not None and found else target)
            return found
