"""The life of a pair: stored, used while it lives, renewed in time."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import timedelta
from functools import partial

from django.db import connections, router
from django.utils import timezone

from django_patreon.api import BRIEFLY, Patience, PatreonClient, TokenGrant
from django_patreon.conf import patreon_settings
from django_patreon.durable import in_callers_transaction
from django_patreon.exceptions import PatreonAPIError, UnsafeToRefresh
from django_patreon.models import PatreonAccount
from django_patreon.secret import Secret

from .connection_signals import send_reconnected
from .pair import COLUMNS, columns_of, is_superseded, reconnect, token_of
from .renewal import refresh

__all__ = ["access_token", "client_for", "store"]

logger = logging.getLogger("django_patreon")

COOL_DOWN = timedelta(minutes=1)
"""After a failed renewal, a token that is still valid is used for this long before the next try, so
that not every view makes a request that is refused (T19)."""
WAIT_IN_TIME = 15.0
"""Seconds to wait for another process's renewal while our token is still valid. An answer takes
less
by default; a renewal that takes longer belongs to a killed worker, and must not delay a page."""


def store(account: PatreonAccount, grant: TokenGrant, *, also: Collection[str] = ()) -> None:
    """Store new tokens, and save them and the fields `also`.

    A pair is stored whole or not at all. If the grant has no refresh token, the stored pair stays;
    an account without one must reconnect, since an access token alone cannot be renewed.
    An older pair never replaces a newer one, and the same pair is not stored twice. A live pair
    with scopes over a campaign is not replaced by one with fewer.
    """
    was_lost = not account._state.adding and account.state == PatreonAccount.State.RECONNECT
    changed = {*also}
    if is_superseded(grant, account):
        pass
    elif grant.access_token and grant.refresh_token:
        lost = _campaign_scopes(account.scopes) - _campaign_scopes(grant.scopes)
        if (
            lost
            and account.state == PatreonAccount.State.CONNECTED
            and account.refresh_token.readable
        ):
            logger.warning(
                "Account %s signed in without %s: the older tokens, which have it, are kept.",
                account.patreon_id,
                " ".join(sorted(lost)),
            )
        else:
            for name, value in columns_of(grant).items():
                setattr(account, name, value)
            account.scopes = list(grant.scopes)
            account.token_generation += 1
            account.refresh_lease, account.refresh_lease_until = "", None
            changed.update(COLUMNS)
    elif not account.refresh_token.readable:
        account.state = PatreonAccount.State.RECONNECT
        account.last_refresh_message = "No refresh token came with the access token."
        changed.update(("state", "last_refresh_message"))
    account.save(update_fields=None if account._state.adding else changed)
    if was_lost and account.state == PatreonAccount.State.CONNECTED:
        send_reconnected(account)


def access_token(account: PatreonAccount) -> Secret:
    """Return a live access token, renewed first if less than `REFRESH_MARGIN` is left.

    For a token whose life is shorter than four times that, the margin is a quarter of its life.
    Makes no query while the token needs no renewal. Raises as `refresh` does, unless the old token
    is still valid: then it is returned.
    """
    if account.needs_reconnect:
        raise reconnect(account)
    left = _time_left(account)
    if left is None or left > _margin(account):
        return token_of(account)
    if left <= timedelta():
        return refresh(account)
    if _better_not_now(account):
        return token_of(account)
    try:
        return refresh(account, wait=WAIT_IN_TIME)
    except (PatreonAPIError, UnsafeToRefresh):
        return token_of(account)


def client_for(account: PatreonAccount, *, patience: float = BRIEFLY.seconds) -> PatreonClient:
    """Return a client that uses the account's tokens and renews them when needed.

    `patience`: seconds in all for which a failed read is tried again. Jobs may give more.
    """
    return PatreonClient(
        live_token=partial(access_token, account),
        renew=partial(refresh, account),
        patience=Patience(seconds=patience),
        bucket=str(account.pk),
    )


def _time_left(account: PatreonAccount) -> timedelta | None:
    """Return how long the access token is still valid; None if Patreon did not say."""
    expires = account.token_expires_at
    return None if expires is None else expires - timezone.now()


def _margin(account: PatreonAccount) -> timedelta:
    margin, lifetime = patreon_settings().REFRESH_MARGIN, account.token_lifetime
    # Otherwise a token that is valid for an hour would be renewed at every use.
    return margin if lifetime is None else min(margin, lifetime / 4)


def _better_not_now(account: PatreonAccount) -> bool:
    """Return True if a token that is still valid should be used, and not renewed here and now."""
    failed = account.last_refresh_failure_at
    if failed is not None and timezone.now() - failed < COOL_DOWN:
        return True
    using = router.db_for_write(PatreonAccount, instance=account)
    # SQLite has one writer, who may be the caller; waiting for the lock would take seconds.
    return connections[using].vendor == "sqlite" and in_callers_transaction(using)


def _campaign_scopes(scopes: Collection[str]) -> set[str]:
    return {each for each in scopes if "campaigns" in each}
