"""Who may spend an account's refresh token: one worker at a time, on any number of machines.

A lease is two columns of the account, not a database lock. It is taken and given back in short
transactions, so that no transaction is open while we wait for Patreon. It ends by itself after a
worker was killed. Its times are those of the database's clock, which all machines share.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from django_patreon.limits import longest_wait
from django_patreon.models import PatreonAccount
from django_patreon.moments import DatabaseNow

__all__ = ["LEASE_SECONDS", "give_back", "replace_pair", "take"]

LEASE_SECONDS = 90
"""Seconds that a lease lasts: longer than a request to the token endpoint can take, so that it does
not end while its worker is alive. The time spent waiting for the rate limit comes on top."""


def take(account: PatreonAccount, *, using: str) -> str | None:
    """Return the name of a new lease on the pair that `account` holds.

    Returns None if another process has the lease, or has stored a newer pair already.
    """
    name = secrets.token_hex(16)
    lasts = timedelta(seconds=LEASE_SECONDS + longest_wait())
    taken = (
        PatreonAccount.objects.using(using)
        .filter(
            Q(refresh_lease_until=None) | Q(refresh_lease_until__lte=DatabaseNow()),
            pk=account.pk,
            token_generation=account.token_generation,
        )
        .update(
            refresh_lease=name,
            refresh_lease_until=DatabaseNow() + lasts,
            last_refresh_attempt_at=timezone.now(),
        )
    )
    return name if taken else None


def give_back(account: PatreonAccount, name: str, *, using: str, **columns: object) -> bool:
    """End the lease without a new pair, and write `columns` in the same statement.

    Returns False if the lease is no longer ours.
    """
    return bool(
        PatreonAccount.objects.using(using)
        .filter(pk=account.pk, refresh_lease=name)
        .update(refresh_lease="", refresh_lease_until=None, **columns)
    )


def replace_pair(account: PatreonAccount, *, using: str, **columns: object) -> bool:
    """Write the `columns` of a newer pair over the one that `account` holds, and end any lease.

    It does not matter who has the lease by now: it was on the older pair, which is spent. Returns
    False if a newer pair is stored already.
    """
    return bool(
        PatreonAccount.objects.using(using)
        .filter(pk=account.pk, token_generation=account.token_generation)
        .update(
            refresh_lease="",
            refresh_lease_until=None,
            token_generation=account.token_generation + 1,
            **columns,
        )
    )
