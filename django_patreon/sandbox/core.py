"""The state of one sandbox: its data, and the lock and the clock under which the data changes."""

from __future__ import annotations

import logging
import random
import threading
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from .files.scenario import Scenario, apply_scenario
from .files.state import State, read_state, write_state
from .oauth.tokens import Tokens
from .pledges.announcements import Announcements
from .pledges.changes import Pledges
from .settings import Settings
from .web.faults import Faults
from .web.rate_limits import RateLimits
from .webhooks.sender import Sender
from .world.models import Delivery
from .world.start import starting_world

__all__ = ["Core"]

logger = logging.getLogger("django_patreon.sandbox")


class Core:
    """All state of one sandbox. The handlers of requests read and change it.

    `url` is the beginning of the sandbox's own links. `rate_limit` enforces Patreon's rate limits.
    `scenario` changes the data at the start. `state` is a file that keeps the data; if it exists,
    it is used instead of the scenario. `hooks_anywhere` allows webhooks outside local networks.
    `redirect_uris` are registered for the client, besides all on localhost.

    Raises `ValueError` for an invalid state file, `OSError` if the file cannot be written.
    """

    def __init__(
        self,
        *,
        url: str = "http://127.0.0.1:8001",
        rate_limit: bool = False,
        scenario: Scenario | None = None,
        state: Path | None = None,
        hooks_anywhere: bool = False,
        redirect_uris: Sequence[str] = (),
    ) -> None:
        self.url = url.rstrip("/")
        self.rate_limit = rate_limit
        self.hooks_anywhere = hooks_anywhere
        self.redirect_uris = frozenset(redirect_uris)
        self._scenario, self._state_file = scenario, state
        self._lock = threading.RLock()
        self._waiting_line = threading.Lock()
        self._clock_lock = threading.Lock()
        self._advancing = False
        self._sender: Sender | None = None
        kept = read_state(state) if state else None
        self.reset()
        if kept is not None:
            self.world, self.settings, self.tokens = kept.world, kept.switches, kept.tokens()
            self.faults.armed = kept.faults
            self._connect(kept.deliveries)
        self.save()  # an error is raised now, and not later

    def reset(self) -> None:
        """Return to the data of the start."""
        with self._lock:
            self.world, self.settings = starting_world(), Settings()
            self.faults = Faults()
            if self._scenario is not None:
                self.faults.armed = apply_scenario(self._scenario, self.world, self.settings)
            self.tokens = Tokens(clock=self.world.clock, settings=self.settings)
            self.random = random.Random(1)  # noqa: S311  (the same in every run)
            self.limits = RateLimits(self.world.clock.tick)
            self.journal: deque[dict[str, Any]] = deque(maxlen=2000)
            """The last requests: method, path, status and User-Agent. No secrets."""
            self.notices: deque[tuple[str, str]] = deque(maxlen=20)
            """Messages of the control room, by a random key."""
            self._connect()

    def _connect(self, sent: Iterable[Delivery] = ()) -> None:
        """Make the objects that work on the current data. `sent` are earlier deliveries."""
        if self._sender is not None:
            self._sender.close()
        self._sender = Sender(
            self.world,
            self.settings,
            self._lock,
            anywhere=self.hooks_anywhere,
            after_each=self.try_to_save,
            log=sent,
        )
        self.announcements = Announcements(self.world, self.settings, lambda: self.url)
        self.pledges = Pledges(self.world, self.settings, self.announcements)

    @property
    def sender(self) -> Sender:
        """The sender of the webhooks of the current data."""
        assert self._sender is not None  # noqa: S101  (made in __init__)
        return self._sender

    def new_id(self) -> str:
        """Return a UUID. The sequence is the same in every run."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    # -- the lock

    def locked(self) -> threading.RLock:
        """Return the lock under which all state is read and changed, for `with`.

        Do not handle a request while holding it: requests wait in line first.
        """
        return self._lock

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the lock. Threads get it in the order in which they ask for a turn.

        Without this order, a thread that takes the lock again and again can starve the others.
        """
        with self._waiting_line:
            self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    # -- the clock

    def tick(self) -> None:
        """Make the changes that are due now, and start to send webhooks in the background.

        Never raises: the server calls it between requests.
        """
        try:
            if self.catch_up():
                self.try_to_save()
            self.sender.start()
        except Exception:
            logger.exception("The scheduled changes of the sandbox failed")

    def catch_up(self) -> bool:
        """Make the changes that are due now, unless `advance` does. True if there were any."""
        changed = False
        while not self._advancing and self._step():
            changed = True
        return changed

    def _step(self) -> bool:
        """Make one change that is due; False if none is. Requests are handled between changes."""
        with self.turn():
            return self.pledges.step(self.world.clock.now())

    def advance(self, seconds: float) -> datetime:
        """Move the clock forward, and make all changes on the way at their time, in order.

        The webhooks of each change are sent, and their answers waited for, before the clock moves
        on; so are retries. Returns the new time. Raises `ValueError` for negative seconds. Do not
        call it while a request is handled: it waits for other requests.
        """
        with self._clock_lock:
            target = self.world.clock.after(seconds)
            self._advancing = True
            try:
                self.sender.send_all()  # so that retries of what is being sent now are on the way
                while self._move_on(target):
                    while self._step():
                        pass
                    self.sender.send_all()
            finally:
                self._advancing = False
            self.try_to_save()
            self.sender.send_all()
            return target

    def _move_on(self, target: datetime) -> bool:
        """Move the clock to the next time at which something is due; False if that is `target`."""
        with self.turn():
            times = [self.pledges.next_time(), self.sender.next_retry()]
            when = min((each for each in times if each is not None), default=None)
            found = when is not None and when <= target
            self.world.clock.move_to(when if when is not None and found else target)
            return found

    # -- the state file

    def save(self) -> None:
        """Write the state file, if there is one. Raises `OSError`."""
        if self._state_file is not None:
            with self._lock:
                sent = list(self.sender.log)
                state = State.of(self.world, self.tokens, self.faults.armed, sent)
                write_state(self._state_file, state)

    def try_to_save(self) -> bool:
        """Write the state file. If that fails, log the error and return False.

        It is tried again after the next change.
        """
        try:
            self.save()
        except Exception:
            logger.exception("The sandbox could not write its state file")
            return False
        return True
