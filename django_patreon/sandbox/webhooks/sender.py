"""Sends the queues of webhooks, with one thread for each webhook that has something due."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from urllib.parse import urlsplit

from django_patreon.sandbox.settings import Settings
from django_patreon.sandbox.world.models import Attempt, Delivery, Webhook
from django_patreon.sandbox.world.world import World

from .addresses import RefusedAddress, connect
from .queue import due, record, signature

__all__ = ["Sender"]

SECONDS_TO_ANSWER = 10.0
"""Patreon's time limit (observed)."""


class Sender:
    """Sends what is due. `lock` guards the webhooks; it is not held while sending.

    `after_each` is called after each attempt, with the lock held. `log` are the deliveries that
    were sent before a restart. `anywhere` allows addresses outside local networks.
    """

    def __init__(
        self,
        world: World,
        settings: Settings,
        lock: threading.RLock,
        *,
        anywhere: bool,
        after_each: Callable[[], object],
        log: Iterable[Delivery] = (),
    ) -> None:
        self.world, self.settings, self.anywhere = world, settings, anywhere
        self._after_each = after_each
        # A delivery that waits for a retry is in a queue, too. It must be the same object.
        queued = {each.id: each for hook in world.hooks.values() for each in hook.queue}
        self.log = deque((queued.get(each.id, each) for each in log), maxlen=500)
        """The last 500 deliveries that were tried, each once, the oldest first."""
        self._changed = threading.Condition(lock)
        self._busy: set[str] = set()
        self._closed = False

    def close(self) -> None:
        """Stop sending. An attempt that has begun is finished."""
        with self._changed:
            self._closed = True

    def start(self) -> None:
        """Start to send what is due, in background threads."""
        with self._changed:
            if self._closed:
                return
            now = self.world.clock.now()
            for hook in self.world.hooks.values():
                if hook.id not in self._busy and due(hook, self.settings, now):
                    self._busy.add(hook.id)
                    threading.Thread(
                        target=self._send_queue, args=(hook,), name=f"hook-{hook.id}", daemon=True
                    ).start()

    def send_all(self, hook_id: str | None = None, *, seconds: float = 3600) -> bool:
        """Send what is due, of one webhook or of all, and wait for the answers.

        Returns False if that takes longer than `seconds`.
        """
        until = time.monotonic() + seconds
        self.start()
        with self._changed:
            while self._busy if hook_id is None else hook_id in self._busy:
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return False
        return True

    def next_retry(self) -> datetime | None:
        """Return the time of the next retry, or None."""
        with self._changed:
            waiting = [
                hook.next_attempt_at
                for hook in self.world.hooks.values()
                if hook.queue and not hook.paused and hook.next_attempt_at is not None
            ]
            return None if self.settings.webhook_hold else min(waiting, default=None)

    @property
    def pending(self) -> int:
        """How many deliveries are queued or being sent."""
        with self._changed:
            return sum(len(hook.queue) for hook in self.world.hooks.values())

    def _send_queue(self, hook: Webhook) -> None:
        try:
            while True:
                with self._changed:
                    delivery = due(hook, self.settings, self.world.clock.now())
                    if delivery is None or self._closed or hook.id not in self.world.hooks:
                        return
                    if delivery not in self.log:
                        self.log.append(delivery)
                status, reason = self._send(hook, delivery)
                with self._changed:
                    attempt = Attempt(at=self.world.clock.now(), status=status, words=reason)
                    record(hook, delivery, attempt, self.settings)
                    if not self._closed:
                        self._after_each()
        finally:
            with self._changed:
                self._busy.discard(hook.id)
                self._changed.notify_all()

    def _send(self, hook: Webhook, delivery: Delivery) -> tuple[int | None, str]:
        """Send one POST. Returns the status of the answer, or None and the reason."""
        parts = urlsplit(hook.uri)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host, secure = parts.hostname or "", parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        try:
            port = parts.port or kind.default_port
            connection = kind(host, port, timeout=SECONDS_TO_ANSWER)
            connection.sock, local = connect(
                host, port, timeout=SECONDS_TO_ANSWER, anywhere=self.anywhere
            )
            try:
                if secure:
                    # Local servers have self-signed certificates.
                    context = (
                        ssl._create_unverified_context if local else ssl.create_default_context
                    )
                    connection.sock = context().wrap_socket(connection.sock, server_hostname=host)
                connection.request(
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
                return connection.getresponse().status, ""
            finally:
                connection.close()
        except RefusedAddress:
            return None, "not a local address: start with --hooks-anywhere to send there"
        except (OSError, http.client.HTTPException, ValueError) as error:
            return None, getattr(error, "strerror", None) or type(error).__name__
