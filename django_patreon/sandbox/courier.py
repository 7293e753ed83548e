"""Carries deliveries to their hooks: a thread for each hook that has something due, no others."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from urllib.parse import urlsplit

from .hooks import due, record, signature
from .local import RefusedAddress, connect
from .switches import Switches
from .things import Attempt, Delivery, Hook
from .world import World

__all__ = ["Courier"]

SECONDS_TO_ANSWER = 10.0
"""Observed at the real sender."""


class Courier:
    """Sends what is due. Its state is the hooks' own; `lock` guards them, never held to send.

    `after_each` is called, with the lock held, when an attempt has been noted.
    """

    def __init__(
        self,
        world: World,
        switches: Switches,
        lock: threading.RLock,
        *,
        anywhere: bool,
        after_each: Callable[[], object],
        log: Iterable[Delivery] = (),
    ) -> None:
        self.world, self.switches, self.anywhere = world, switches, anywhere
        self._after_each = after_each
        # One that waits to be tried again is in a queue, too: it must be one object.
        queued = {each.id: each for hook in world.hooks.values() for each in hook.queue}
        self.log = deque((queued.get(each.id, each) for each in log), maxlen=500)
        """What was tried, oldest first, each once."""
        self._changed = threading.Condition(lock)
        self._busy: set[str] = set()
        self._closed = False

    def close(self) -> None:
        """Begin nothing new."""
        with self._changed:
            self._closed = True

    def start(self) -> None:
        """Begin to send what is due, in the background."""
        with self._changed:
            if self._closed:
                return
            now = self.world.clock.now()
            for hook in self.world.hooks.values():
                if hook.id not in self._busy and due(hook, self.switches, now):
                    self._busy.add(hook.id)
                    threading.Thread(
                        target=self._carry, args=(hook,), name=f"hook-{hook.id}", daemon=True
                    ).start()

    def settle(self, hook_id: str | None = None, *, seconds: float = 3600) -> bool:
        """Send what is due and wait for the answers; False when that takes longer."""
        until = time.monotonic() + seconds
        self.start()
        with self._changed:
            while self._busy if hook_id is None else hook_id in self._busy:
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return False
        return True

    def next_retry(self) -> datetime | None:
        """When the next queue is tried again that waits for its time."""
        with self._changed:
            waiting = [
                hook.next_attempt_at
                for hook in self.world.hooks.values()
                if hook.queue and not hook.paused and hook.next_attempt_at is not None
            ]
            return None if self.switches.webhook_hold else min(waiting, default=None)

    @property
    def pending(self) -> int:
        """How many deliveries wait or are on their way."""
        with self._changed:
            return sum(len(hook.queue) for hook in self.world.hooks.values())

    def _carry(self, hook: Hook) -> None:
        try:
            while True:
                with self._changed:
                    delivery = due(hook, self.switches, self.world.clock.now())
                    if delivery is None or self._closed or hook.id not in self.world.hooks:
                        return
                    if delivery not in self.log:
                        self.log.append(delivery)
                status, words = self._send(hook, delivery)
                with self._changed:
                    attempt = Attempt(at=self.world.clock.now(), status=status, words=words)
                    record(hook, delivery, attempt, self.switches)
                    if not self._closed:
                        self._after_each()
        finally:
            with self._changed:
                self._busy.discard(hook.id)
                self._changed.notify_all()

    def _send(self, hook: Hook, delivery: Delivery) -> tuple[int | None, str]:
        """One POST; the status, or None and why there is none."""
        parts = urlsplit(hook.uri)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host, secure = parts.hostname or "", parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        try:
            port = parts.port or kind.default_port
            line = kind(host, port, timeout=SECONDS_TO_ANSWER)
            line.sock, local = connect(
                host, port, timeout=SECONDS_TO_ANSWER, anywhere=self.anywhere
            )
            try:
                if secure:
                    # A certificate of one's own making is what local servers have.
                    context = (
                        ssl._create_unverified_context if local else ssl.create_default_context
                    )
                    line.sock = context().wrap_socket(line.sock, server_hostname=host)
                line.request(
                    "POST",
                    path,
                    body=delivery.body.encode(),
                    headers={
                        "Content-Type": "application/json",
                        "User-Agent": "Patreon HTTP Robot",
                        "X-Patreon-Event": delivery.event,
                        "X-Patreon-Signature": signature(hook.secret, delivery.body),
                    },
                )
                return line.getresponse().status, ""
            finally:
                line.close()
        except RefusedAddress:
            return None, "not a local address: start with --hooks-anywhere to send there"
        except (OSError, http.client.HTTPException, ValueError) as error:
            return None, getattr(error, "strerror", None) or type(error).__name__
