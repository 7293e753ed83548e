"""Who may spend an account's refresh token: one worker at a time, on any number of machines.

A lease is a row's word, not a database lock: it is taken and given back in short transactions, so
none is open while we wait for Patreon, and a worker that is killed holds it no longer than
`LEASE_SECONDS`.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from django_patreon.models import PatreonAccount

__all__ = ["LEASE_SECONDS", "give_back", "is_free", "take"]

LEASE_SECONDS = 90
"""Longer than an answer of Patreon can take, so that a lease never ends under a living worker."""


def take(account: PatreonAccount, *, using: str) -> str | None:
    """Return the name of a lease on the pair that `account` holds; None when somebody was first.

    They have it now, or have put a newer pair in place already.
    """
    now = timezone.now()
    name = secrets.token_hex(16)
    taken = (
        PatreonAccount.objects.using(using)
        .filter(
            Q(refresh_lease_until=None) | Q(refresh_lease_until__lte=now),
            pk=account.pk,
            token_generation=account.token_generation,
        )
        .update(
            refresh_lease=name,
            refresh_lease_until=now + timedelta(seconds=LEASE_SECONDS),
            last_refresh_attempt_at=now,
        )
    )
    return name if taken else None


def is_free(account: PatreonAccount) -> bool:
    """Has the lease that `account` shows ended, as far as its fields tell?"""
    until = account.refresh_lease_until
    return until is None or until <= timezone.now()


def give_back(account: PatreonAccount, name: str, *, using: str, **columns: object) -> bool:
    """End the lease and write `columns` in the same statement.

    Return False when the lease is no longer ours: a sign-in has put a newer pair in place.
    """
    return bool(
        PatreonAccount.objects.using(using)
        .filter(pk=account.pk, refresh_lease=name)
        .update(refresh_lease="", refresh_lease_until=None, **columns)
    )
