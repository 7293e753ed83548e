"""The life of a pair: stored, used while it lives, renewed once, given up when Patreon says so."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connections, router
from django.utils import timezone

from django_patreon.api import Patience, PatreonClient, TokenGrant, refresh_tokens
from django_patreon.conf import patreon_settings
from django_patreon.durable import in_callers_transaction, run_durably
from django_patreon.exceptions import (
    PatreonAPIError,
    ReconnectRequired,
    Refused,
    Unavailable,
    UnsafeToRefresh,
)
from django_patreon.fields import Sealed
from django_patreon.models import PatreonAccount
from django_patreon.secret import Secret

from .client import site_client
from .lease import LEASE_SECONDS, give_back, is_free, take
from .news import tell_reconnect_needed, tell_reconnected

__all__ = ["access_token", "client_for", "refresh", "store"]

logger = logging.getLogger("django_patreon")
T = TypeVar("T")

FINAL = frozenset({"invalid_grant", "invalid_token", "token_revoked", "Unauthorized"})
"""What Patreon says of a refresh token that is dead. A wrong client secret is not among them: that
is the site's fault, and no reason to disconnect everybody."""

PATIENCE = 30
"""Seconds to go on waiting after the longest lease has ended."""

STORE_ATTEMPTS = 40
"""Tries, with a pause between, to write down a pair that exists nowhere else: over a minute."""

_COLUMNS = (
    "access_token",
    "refresh_token",
    "token_expires_at",
    "token_generation",
    "scopes",
    "state",
    "last_refresh_message",
    "refresh_lease",
    "refresh_lease_until",
)


def store(account: PatreonAccount, grant: TokenGrant, *, also: Collection[str] = ()) -> None:
    """Keep the tokens that a sign-in brought, and save the account: them and the fields `also`.

    A pair is kept whole or not at all. When the grant has no refresh token, the stored pair stays;
    an account that has none is marked for reconnecting, because one access token is no connection.
    A living pair with rights over a campaign is not given up for one with fewer.
    """
    was_lost = not account._state.adding and account.state == PatreonAccount.State.RECONNECT
    if grant.access_token and grant.refresh_token:
        lost = _campaign_scopes(account.scopes) - _campaign_scopes(grant.scopes)
        if lost and account.state == PatreonAccount.State.CONNECTED and account.refresh_token:
            logger.warning(
                "Account %s signed in without %s: the older tokens, which have it, are kept.",
                account.patreon_id,
                " ".join(sorted(lost)),
            )
        else:
            for name, value in _pair_columns(grant).items():
                setattr(account, name, value)
            account.scopes = list(grant.scopes)
            account.token_generation += 1
            account.refresh_lease, account.refresh_lease_until = "", None
    elif not account.refresh_token:
        account.state = PatreonAccount.State.RECONNECT
        account.last_refresh_message = "Patreon sent no refresh token at sign-in."
    account.save(update_fields=None if account._state.adding else {*_COLUMNS, *also})
    if was_lost and account.state == PatreonAccount.State.CONNECTED:
        tell_reconnected(account)


def access_token(account: PatreonAccount) -> Secret:
    """Return a live access token, renewed first if less than `REFRESH_MARGIN` is left.

    No query while it lives. Raises as `refresh` does; a token that still lives is returned even
    when renewing it did not work today.
    """
    if account.needs_reconnect:
        raise _reconnect(account)
    left = _time_left(account)
    if left is None or left > patreon_settings().REFRESH_MARGIN:
        return _token_of(account)
    try:
        return refresh(account)
    except (PatreonAPIError, UnsafeToRefresh):
        if left <= timedelta():
            raise
        return _token_of(account)


def client_for(account: PatreonAccount, *, patience: float = 0) -> PatreonClient:
    """Return a client that uses the account's tokens and renews them when needed.

    `patience`: seconds for which a call that failed may be tried again; for jobs, not for views.
    """
    return PatreonClient(
        live_token=partial(access_token, account),
        renew=partial(refresh, account),
        patience=Patience(seconds=patience),
        bucket=str(account.pk),
    )


def refresh(account: PatreonAccount) -> Secret:
    """Renew the pair that `account` holds and return the new access token.

    However many ask at once, in threads, processes or on machines, one request goes out and all
    get its token; who holds an older pair than the database gets the newer without any request.
    The new pair is committed before it is returned, also when the caller's transaction is rolled
    back later. `account` is brought up to date.

    Raises `ReconnectRequired` when Patreon refuses the pair for good, another `PatreonAPIError`
    when it did not work today (nothing has changed), and `UnsafeToRefresh`, before anything is
    sent, when the caller's transaction would make it possible to lose a pair.
    """
    using = router.db_for_write(PatreonAccount, instance=account)
    deadline = time.monotonic() + LEASE_SECONDS + PATIENCE
    lease = _before_spending(partial(take, account, using=using), account, using)
    while lease is None:
        token = _before_spending(partial(_from_others, account, using=using), account, using)
        if token is not None:
            return token
        if time.monotonic() > deadline:
            raise Unavailable("Other workers have been renewing this token for too long.")
        time.sleep(random.uniform(0.02, 0.1))  # noqa: S311  (so that waiters do not move in step)
        if is_free(account):  # whoever had it was killed
            lease = _before_spending(partial(take, account, using=using), account, using)
    return run_durably(partial(_spend, account, lease, using=using), using=using)


def _before_spending(work: Callable[[], T], account: PatreonAccount, using: str) -> T:
    """Do a short piece of work; when the caller's transaction is in its way, say how to go on."""
    try:
        return run_durably(work, using=using)
    except (OperationalError, PatreonAccount.DoesNotExist) as error:
        if not in_callers_transaction(using):
            raise
        raise UnsafeToRefresh(
            f"The token of Patreon account {account.patreon_id} cannot be renewed inside this"
            " transaction, which has locked what the renewal must write. Call"
            " tokens.access_token() before the transaction begins, or mark the view with"
            " @transaction.non_atomic_requests."
        ) from error


def _from_others(account: PatreonAccount, *, using: str) -> Secret | None:
    """Return the token that somebody else has put in place; None while they are at it.

    Raises what their attempt came to when it failed while we waited.
    """
    before = account.token_generation
    attempt = account.last_refresh_attempt_at
    account.refresh_from_db(using=using, fields=[*_COLUMNS, "last_refresh_attempt_at"])
    if account.state == PatreonAccount.State.RECONNECT:
        raise _reconnect(account)
    if account.token_generation != before:
        return _token_of(account)
    waited = attempt is not None and attempt == account.last_refresh_attempt_at
    if not account.refresh_lease and waited and account.last_refresh_message:
        raise Unavailable(f"Renewing did not work just now: {account.last_refresh_message}")
    return None


def _spend(account: PatreonAccount, lease: str, *, using: str) -> Secret:
    """Make the one request, with the lease in hand, and write down what came of it."""
    # What the lease was taken on, whatever the caller has done to its instance.
    fresh = PatreonAccount.objects.using(using).get(pk=account.pk)
    if not fresh.refresh_token or fresh.state == PatreonAccount.State.RECONNECT:
        give_back(fresh, lease, using=using)
        raise _reconnect(fresh)
    try:
        grant = refresh_tokens(fresh.refresh_token, client=site_client())
    except PatreonAPIError as error:
        _note_failure(fresh, lease, error, using=using)
        account.refresh_from_db(using=using, fields=[*_COLUMNS, "last_refresh_message"])
        if account.state == PatreonAccount.State.RECONNECT:
            raise _reconnect(account) from None
        raise
    columns = _pair_columns(grant) | {
        "token_generation": fresh.token_generation + 1,
        "last_refresh_success_at": timezone.now(),
    }
    if grant.scopes:
        columns["scopes"] = list(grant.scopes)
    if not _write_at_all_costs(fresh, lease, columns, using=using):
        logger.info("Account %s got a newer pair from a sign-in.", fresh.patreon_id)
    account.refresh_from_db(using=using, fields=[*_COLUMNS, "last_refresh_success_at"])
    return _token_of(account)


def _write_at_all_costs(
    account: PatreonAccount, lease: str, columns: dict[str, Any], *, using: str
) -> bool:
    """Write down a pair that, until then, exists in this process only."""
    for remaining in reversed(range(STORE_ATTEMPTS)):
        try:
            return give_back(account, lease, using=using, **columns)
        except (OperationalError, InterfaceError):
            if not remaining:
                raise
            connections[using].close_if_unusable_or_obsolete()
            time.sleep(random.uniform(0.5, 2.0))  # noqa: S311
    raise AssertionError("unreachable")


def _note_failure(
    account: PatreonAccount, lease: str, error: PatreonAPIError, *, using: str
) -> None:
    columns: dict[str, Any] = {
        "last_refresh_failure_at": timezone.now(),
        "last_refresh_message": str(error),
    }
    if isinstance(error, Refused) and error.status in (400, 401) and error.code in FINAL:
        columns["state"] = PatreonAccount.State.RECONNECT
        logger.warning("Account %s must reconnect: %s", account.patreon_id, error)
    else:
        logger.warning("Account %s could not be renewed: %s", account.patreon_id, error)
    if give_back(account, lease, using=using, **columns) and "state" in columns:
        tell_reconnect_needed(account, str(error))


def _pair_columns(grant: TokenGrant) -> dict[str, Any]:
    expires: datetime | None = None
    if grant.expires_in is not None:
        expires = timezone.now() + timedelta(seconds=grant.expires_in)
    return {
        "access_token": Sealed.of(grant.access_token),
        "refresh_token": Sealed.of(grant.refresh_token),
        "token_expires_at": expires,
        "state": PatreonAccount.State.CONNECTED,
        "last_refresh_message": "",
    }


def _time_left(account: PatreonAccount) -> timedelta | None:
    """Return how long the access token lives; None when Patreon did not say."""
    expires = account.token_expires_at
    return None if expires is None else expires - timezone.now()


def _token_of(account: PatreonAccount) -> Secret:
    if account.needs_reconnect:
        raise _reconnect(account)
    token = account.access_token
    assert isinstance(token, Secret)  # noqa: S101  (what the field gives)
    return token


def _reconnect(account: PatreonAccount) -> ReconnectRequired:
    return ReconnectRequired(
        f"Patreon account {account.patreon_id} is no longer connected: its owner has to sign in"
        " with Patreon again."
    )


def _campaign_scopes(scopes: Collection[str]) -> set[str]:
    return {each for each in scopes if "campaigns" in each}
