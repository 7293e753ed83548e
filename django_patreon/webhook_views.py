"""The address that Patreon sends webhooks to."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import IntegrityError, connections, transaction
from django.http import HttpResponse, UnreadablePostError
from django.http.request import RawPostDataException
from django.views.decorators.csrf import csrf_exempt

from . import tasks, webhooks

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["MOST_BYTES", "refusals", "webhook"]

logger = logging.getLogger("django_patreon")

MOST_BYTES = 1024 * 1024
"""Largest body that is read. Those of Patreon are a few kB."""


class Refusals:
    """Counts deliveries that were refused in this process, and logs the count once a minute."""

    def __init__(self) -> None:
        self.total = 0
        self._lock = threading.Lock()
        self._logged, self._logged_at = 0, float("-inf")

    def count(self) -> None:
        with self._lock:
            self.total += 1
            if time.monotonic() - self._logged_at < 60:
                return
            new, self._logged = self.total - self._logged, self.total
            self._logged_at = time.monotonic()
        logger.warning(
            "%d webhook deliveries were refused, since their signature is missing or wrong."
            " Compare the secret with Patreon's page of the webhook.",
            new,
        )


refusals = Refusals()


@csrf_exempt
@login_not_required
def webhook(request: HttpRequest, key: int | None = None) -> HttpResponse:
    """Store a signed delivery and answer 200. `key` is that of a registered `Webhook`.

    GET, HEAD and OPTIONS answer 200, since Patreon's page for developers tries an address by GET
    (T24). 403: the signature is missing or wrong. 413: more than 1 MB. 400: signed, and not a JSON
    object. 503: this site has no secret for this address. Each answer is without a body.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return _answer(200)
    if request.method != "POST":
        return _answer(405, Allow="GET, HEAD, OPTIONS, POST")
    secrets = webhooks.secrets_for(key)
    if not secrets:
        return _answer(503, **{"Retry-After": "30"})
    try:
        if int(request.headers.get("content-length") or 0) > MOST_BYTES:
            return _answer(413)
        body = request.body
    except RequestDataTooBig:
        return _answer(413)
    except (ValueError, UnreadablePostError, RawPostDataException):
        return _answer(400)
    if len(body) > MOST_BYTES:  # under ASGI a body may come without its length
        return _answer(413)
    if not webhooks.is_signed(body, request.headers.get("X-Patreon-Signature", ""), secrets):
        refusals.count()
        return _answer(403)
    event = request.headers.get("X-Patreon-Event", "")
    event = event if event.isascii() and event.isprintable() and len(event) <= 64 else ""
    try:
        found = webhooks.receive(body, event, webhook=key)
    except IntegrityError:
        # Another process has deleted the webhook since its secret was read here.
        webhooks.forget_secrets()
        return _answer(503, **{"Retry-After": "30"})
    if found is webhooks.Received.UNREADABLE:
        return _answer(400)
    response = _answer(200)
    if found is webhooks.Received.STORED:
        tasks.apply_deliveries_after(response)
    return response


def _answer(status: int, **headers: str) -> HttpResponse:
    """Return an answer without a body, and say so, since a server may send it in chunks else."""
    return HttpResponse(status=status, headers={"Content-Length": "0", **headers})


# Stored for good, whatever ATOMIC_REQUESTS says of any database.
for _alias in connections:
    webhook = transaction.non_atomic_requests(using=_alias)(webhook)
