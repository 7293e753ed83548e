"""The inbox: deliveries that were verified, each event and body once."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any

from django.db import connections, models, router
from django.utils import timezone

from django_patreon.conf import patreon_settings
from django_patreon.models import WebhookDelivery
from django_patreon.resources.values import id_of, related_id

__all__ = [
    "MEMBER_EVENTS",
    "POST_EVENTS",
    "Received",
    "State",
    "digest_of",
    "forget_person",
    "prune",
    "receive",
    "replay",
    "rows",
    "waiting",
]

State = WebhookDelivery.State
MEMBER_EVENTS = frozenset(
    {
        "members:create",
        "members:update",
        "members:delete",
        "members:pledge:create",
        "members:pledge:update",
        "members:pledge:delete",
    }
)
POST_EVENTS = frozenset({"posts:publish", "posts:update", "posts:delete"})
AT_ONCE = 1000
"""Rows that are emptied or deleted by one statement."""


class Received(Enum):
    """What became of a body."""

    STORED = "stored, to be applied"
    SET_ASIDE = "stored, and nothing is to be done"
    UNREADABLE = "stored for the operator: not a JSON object"


def receive(body: bytes, event: str, *, webhook: int | None = None) -> Received:
    """Store a verified delivery with one statement. One that is stored already is counted.

    `webhook` is the primary key of the registered webhook whose address received it.
    """
    document = _document(body)
    data = document.get("data") if document is not None else None
    data = data if isinstance(data, dict) else {}
    found, error = Received.STORED, ""
    if document is None:
        found, error = Received.UNREADABLE, "The body is not a JSON object."
    elif event not in MEMBER_EVENTS | POST_EVENTS:
        found, error = Received.SET_ASIDE, "The event is not known, so nothing was done."
    elif id_of(data) is None:
        found, error = Received.SET_ASIDE, "The body has no id, like that of a test."
    is_member = event in MEMBER_EVENTS
    now = timezone.now()
    _insert(
        {
            "digest": digest_of(body, event),
            "webhook_id": webhook,
            "event": event,
            "body": body,
            "campaign_id": related_id(data, "campaign") or "",
            "member_id": (id_of(data) or "") if is_member else "",
            "person_id": (related_id(data, "user") or "") if is_member else "",
            "received_at": now,
            "last_received_at": now,
            "times": 1,
            "state": State.WAITING if found is Received.STORED else State.IGNORED,
            "attempts": 0,
            "due_at": now,
            "lease": "",
            "applied_at": None,
            "error": error,
        }
    )
    return found


def digest_of(body: bytes, event: str) -> str:
    """Return what a delivery is known by."""
    return hashlib.sha256(event.encode("utf-8", "replace") + b"\n" + body).hexdigest()


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _insert(values: dict[str, Any]) -> None:
    using = router.db_for_write(WebhookDelivery)
    connection = connections[using]
    meta: Any = WebhookDelivery._meta
    stored = [
        meta.get_field(name).get_db_prep_save(value, connection) for name, value in values.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(_statement(using, connection.vendor, tuple(values)), stored)


@lru_cache(maxsize=8)
def _statement(using: str, vendor: str, names: tuple[str, ...]) -> str:
    """Return the INSERT. A delivery that comes again waits again, for another look only.

    One that is being applied, too: the look may have been before the change that it tells of.
    """
    quote = connections[using].ops.quote_name
    meta: Any = WebhookDelivery._meta
    table = quote(meta.db_table)
    columns = ", ".join(quote(meta.get_field(name).column) for name in names)
    places = ", ".join(["%s"] * len(names))
    is_mysql = vendor == "mysql"
    new = "VALUES({})" if is_mysql else "excluded.{}"
    old = "{}" if is_mysql else f"{table}.{{}}"
    state, times, last, attempts = (
        quote(each) for each in ("state", "times", "last_received_at", "attempts")
    )
    ended = ", ".join(f"'{each}'" for each in (State.DONE, State.FAILED, State.IGNORED))
    conflict = f"ON CONFLICT ({quote('digest')}) DO UPDATE SET"
    clash = "ON DUPLICATE KEY UPDATE" if is_mysql else conflict
    return (
        f"INSERT INTO {table} ({columns}) VALUES ({places}) {clash}"  # noqa: S608
        f" {times} = {old.format(times)} + 1, {last} = {new.format(last)},"
        # MariaDB assigns in this order, and would use a new state in what follows it.
        f" {attempts} = CASE WHEN {old.format(state)} IN ({ended}) THEN 0"
        f" ELSE {old.format(attempts)} END,"
        # WAITING, or IGNORED for what is of no use: that depends on the event and body alone.
        f" {state} = {new.format(state)}"
    )


def rows() -> models.QuerySet[WebhookDelivery]:
    """Return all deliveries, as the primary database has them."""
    return WebhookDelivery._default_manager.using(router.db_for_write(WebhookDelivery))


def waiting(now: datetime | None = None) -> models.QuerySet[WebhookDelivery]:
    """Return the deliveries that are due, and those whose worker has died."""
    states = (State.WAITING, State.WORKING)
    return rows().filter(state__in=states, due_at__lte=now or timezone.now())


def replay(*, since: datetime | None = None, failed: bool = False, keys: Any = None) -> int:
    """Let stored deliveries be applied once more, and return how many.

    Those received at `since` or later, with `failed` only those that failed, with `keys` only
    these. Deliveries whose body has been emptied, or that nothing is to be done about, are left.
    """
    found = rows().exclude(state__in=(State.IGNORED, State.WORKING)).exclude(body=b"")
    if since is not None:
        found = found.filter(received_at__gte=since)
    if failed:
        found = found.filter(state=State.FAILED)
    if keys is not None:
        found = found.filter(pk__in=keys)
    now = timezone.now()
    return found.update(state=State.WAITING, attempts=0, due_at=now, applied_at=None, error="")


def prune() -> tuple[int, int]:
    """Empty bodies older than `KEEP_BODIES`, and delete deliveries older than `KEEP_EVENTS`.

    Returns how many of each. What waits is kept. The digest of an emptied delivery stays, so that
    it is known when it comes again.
    """
    now, settings = timezone.now(), patreon_settings()
    idle = rows().exclude(state__in=(State.WAITING, State.WORKING))
    emptied = deleted = 0
    old = _before(now, settings.KEEP_BODIES)
    if old is not None:
        named = idle.filter(received_at__lt=old).exclude(body=b"", person_id="")
        while keys := list(named.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
            emptied += rows().filter(pk__in=keys).update(body=b"", person_id="")
    old = _before(now, settings.KEEP_EVENTS)
    if old is not None:
        over = idle.filter(last_received_at__lt=old)
        while keys := list(over.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
            deleted += rows().filter(pk__in=keys).delete()[0]
    return emptied, deleted


def _before(now: datetime, span: timedelta) -> datetime | None:
    try:
        return now - span
    except OverflowError:  # such as `timedelta.max`: everything is kept
        return None


def forget_person(patreon_id: str) -> int:
    """Empty the bodies about a person, by Patreon's id. Returns how many there were.

    Those that wait are applied no more: the next sync brings what they said.
    """
    about = rows().filter(person_id=patreon_id)
    about.filter(state__in=(State.WAITING, State.FAILED)).update(state=State.IGNORED)
    return about.update(body=b"", person_id="")
