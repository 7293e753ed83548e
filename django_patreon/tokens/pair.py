"""A pair of tokens: from a grant to the columns of an account, and from there to a caller."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from django_patreon.api import TokenGrant
from django_patreon.exceptions import ReconnectRequired
from django_patreon.fields import Sealed
from django_patreon.models import LEASE_COLUMNS, PAIR_COLUMNS, PatreonAccount
from django_patreon.secret import Secret

__all__ = ["COLUMNS", "columns_of", "is_superseded", "reconnect", "token_of"]

COLUMNS = PAIR_COLUMNS | LEASE_COLUMNS | {"last_refresh_message"}
"""The columns that a new pair changes."""


ASSUMED_LIFETIME = timedelta(days=7)
"""Life of a token whose end is not known, such as one from Patreon's portal. Patreon's own plugin
for WordPress assumes the same (official)."""


def columns_of(grant: TokenGrant) -> dict[str, Any]:
    """Return the columns that a new pair fills."""
    said = grant.expires_in
    lifetime = ASSUMED_LIFETIME if said is None else timedelta(seconds=said)
    return {
        "access_token": Sealed.of(grant.access_token),
        "refresh_token": Sealed.of(grant.refresh_token),
        "token_expires_at": _obtained_at(grant) + lifetime,
        "token_lifetime": lifetime,
        "client_id": grant.client_id,
        "state": PatreonAccount.State.CONNECTED,
        "last_refresh_message": "",
    }


def is_superseded(grant: TokenGrant, account: PatreonAccount) -> bool:
    """Return True if the account holds this pair already, or a newer one.

    A sign-in that a pipeline step interrupted may go on long after another one stored a newer pair.
    """
    expires, lifetime = account.token_expires_at, account.token_lifetime
    if not account.refresh_token.readable or expires is None or lifetime is None:
        return False
    if account.refresh_token.open() == grant.refresh_token:
        return True
    # A time in the future was written by a machine with a wrong clock, so it is ignored.
    return _obtained_at(grant) < expires - lifetime <= timezone.now()


def _obtained_at(grant: TokenGrant) -> datetime:
    """Return when Patreon gave the pair, in the form that Django's columns take."""
    when = grant.obtained_at
    return when if settings.USE_TZ else timezone.make_naive(when, timezone.get_default_timezone())


def token_of(account: PatreonAccount) -> Secret:
    """Return the access token that the account holds; raises `ReconnectRequired` without one."""
    if account.needs_reconnect:
        raise reconnect(account)
    token: Secret = account.access_token.open()
    return token


def reconnect(account: PatreonAccount, *, was_refused: bool = False) -> ReconnectRequired:
    """Return the error that says what the person has to do."""
    return ReconnectRequired(
        f"Patreon account {account.patreon_id} is no longer connected: its owner has to sign in"
        " with Patreon again.",
        was_refused=was_refused,
    )
