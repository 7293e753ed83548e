"""Which secrets apply at an address: those of the settings, or that of a registered webhook.

The secrets of registered webhooks are read once, and again after a minute, so a forged delivery
costs no statement. A webhook that another process has just registered is found at once.
"""

from __future__ import annotations

import threading
import time

from cryptography.fernet import InvalidToken
from django.db import router
from django.db.models.signals import post_delete, post_save

from django_patreon.conf import patreon_settings
from django_patreon.models import Webhook
from django_patreon.secret import Secret

__all__ = ["forget_secrets", "listen", "rotate_keys", "secrets_for"]

KEEP = 60.0
"""Seconds for which the secrets are kept. A webhook that was deleted is accepted no longer."""
LOOK_EVERY = 1.0
"""Seconds between two looks for a webhook that is not known, however many deliveries name one."""

_lock = threading.Lock()
_known: dict[int, Secret] = {}
_read_at = float("-inf")


def secrets_for(key: int | None) -> tuple[Secret, ...] | None:
    """Return the secrets for the address of a webhook, or for the plain one if `key` is None.

    `key` is the primary key of the `Webhook`. Returns () if there is none, and None if it cannot be
    told yet whether there is: too many deliveries have named unknown webhooks within a second.
    """
    if key is None:
        return tuple(Secret(each) for each in patreon_settings().WEBHOOK_SECRETS)
    with _lock:
        age = time.monotonic() - _read_at
        if age >= KEEP or (key not in _known and age >= LOOK_EVERY):
            _read()
        elif key not in _known:
            return None
        return (_known[key],) if key in _known else ()


def _read() -> None:
    global _known, _read_at
    rows = Webhook._default_manager.using(router.db_for_write(Webhook)).only("secret")
    _known = {each.pk: secret for each in rows if (secret := each.secret.open())}
    _read_at = time.monotonic()


def rotate_keys() -> tuple[int, list[str]]:
    """Encrypt the secrets of all webhooks under the first key of the ring.

    Returns how many were not, and Patreon's ids of the webhooks whose secret no key opens.
    """
    rotated, unreadable = 0, []
    rows = Webhook._default_manager.using(router.db_for_write(Webhook))
    for row in rows.exclude(secret=""):
        if row.secret.is_current():
            continue
        try:
            new = row.secret.rotate()
        except InvalidToken:
            unreadable.append(row.patreon_id or "?")
        else:
            rotated += rows.filter(pk=row.pk, secret=row.secret).update(secret=new)
    return rotated, unreadable


def forget_secrets(**kwargs: object) -> None:
    """Read the secrets anew when they are needed next."""
    global _read_at
    _read_at = float("-inf")


def listen() -> None:
    """Forget the secrets of this process when a webhook changes."""
    for signal in (post_save, post_delete):
        signal.connect(forget_secrets, sender=Webhook, dispatch_uid="django_patreon.webhooks")
