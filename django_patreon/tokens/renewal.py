"""Renewing a pair: one request, however many want it, and nothing lost."""

from __future__ import annotations

import logging
import random
import time
from contextlib import nullcontext
from functools import partial
from typing import Any

from django.db import Error, OperationalError, connections, router
from django.utils import timezone

from django_patreon.api import refresh_tokens
from django_patreon.durable import (
    NoSecondConnection,
    in_callers_transaction,
    run_durably,
    short_locks,
)
from django_patreon.exceptions import (
    PatreonAPIError,
    ReconnectRequired,
    Refused,
    Unavailable,
    UnsafeToRefresh,
)
from django_patreon.models import PatreonAccount
from django_patreon.secret import Secret

from .client import client_of
from .connection_signals import send_reconnect_needed
from .lease import LEASE_SECONDS, give_back, replace_pair, take
from .pair import COLUMNS, columns_of, reconnect, token_of
from .revocation import revoke_now

__all__ = ["refresh"]

logger = logging.getLogger("django_patreon")

FINAL = frozenset({"invalid_grant", "invalid_token", "token_revoked", "Unauthorized"})
"""Codes with which Patreon refuses a refresh token for good. A wrong client secret is not among
them: that is the site's fault, and no reason to disconnect everybody."""

WAIT = LEASE_SECONDS + 30.0
"""Seconds to wait for a renewal by another process: past the end of the longest lease."""

STORE_ATTEMPTS = 40
"""Tries to store a new pair, which exists nowhere else; with the pauses over a minute."""


def refresh(account: PatreonAccount, *, wait: float = WAIT) -> Secret:
    """Renew the pair that `account` holds and return the new access token.

    However many threads, processes and machines call this at once, one request is made and all get
    its token. A caller whose pair is older than the stored one gets the stored one without a
    request. The new pair is committed before it is returned, so it survives a rollback of the
    caller's transaction. `account` is updated. `wait`: seconds to wait for another's renewal.

    Raises `ReconnectRequired` when Patreon refuses the pair for good or the account is gone,
    another `PatreonAPIError` when renewing failed for now (nothing has changed), and
    `UnsafeToRefresh`, before anything is sent, when the caller's transaction would make it possible
    to lose a pair.
    """
    using = router.db_for_write(PatreonAccount, instance=account)
    apart = in_callers_transaction(using)
    renew = partial(_renew, account, using=using, apart=apart, wait=wait)
    try:
        return run_durably(renew, using=using)
    except NoSecondConnection as error:
        raise _unsafe(account, "which an error has ended") from error


def _renew(account: PatreonAccount, *, using: str, apart: bool, wait: float) -> Secret:
    """Renew as `refresh` does. `apart`: the caller has a transaction that we must not use."""
    try:
        turn = _wait_for_turn(account, using=using, apart=apart, wait=wait)
        return turn if isinstance(turn, Secret) else _spend(account, turn, using=using)
    except PatreonAccount.DoesNotExist:
        if apart:
            why = "begun before it was stored for good, or with settings of its own"
            raise _unsafe(account, why) from None
        raise ReconnectRequired(
            f"Patreon account {account.patreon_id} has been disconnected in the meantime."
        ) from None


def _wait_for_turn(
    account: PatreonAccount, *, using: str, apart: bool, wait: float
) -> str | Secret:
    """Return the name of our new lease, or the token that another process has stored."""
    deadline = time.monotonic() + wait
    while True:
        try:
            with short_locks(using) if apart else nullcontext():
                lease = take(account, using=using)
            if lease is not None:
                return lease
            token = _from_others(account, using=using)
        except Error as error:
            if not apart:
                raise
            if isinstance(error, OperationalError):
                why = "which has locked what the renewal must write"
            else:
                why = f"whose tables a second connection does not reach ({type(error).__name__})"
            raise _unsafe(account, why) from error
        if token is not None:
            return token
        if time.monotonic() > deadline:
            raise Unavailable("Other workers have been renewing this token for too long.")
        time.sleep(random.uniform(0.02, 0.1))  # noqa: S311  (so that waiters do not move in step)


def _unsafe(account: PatreonAccount, why: str) -> UnsafeToRefresh:
    return UnsafeToRefresh(
        f"The token of Patreon account {account.patreon_id} cannot be renewed inside this"
        f" transaction, {why}. Call tokens.access_token() before the transaction begins, or mark"
        " the view with @transaction.non_atomic_requests."
    )


def _from_others(account: PatreonAccount, *, using: str) -> Secret | None:
    """Return the token that another process has stored; None while its renewal is under way.

    Raises the error of that renewal if it has failed while we waited.
    """
    before = account.token_generation
    attempt = account.last_refresh_attempt_at
    account.refresh_from_db(using=using, fields=[*COLUMNS, "last_refresh_attempt_at"])
    if account.state == PatreonAccount.State.RECONNECT:
        raise reconnect(account)
    if account.token_generation != before:
        return token_of(account)
    waited = attempt is not None and attempt == account.last_refresh_attempt_at
    if not account.refresh_lease and waited and account.last_refresh_message:
        raise Unavailable(f"Renewing did not work just now: {account.last_refresh_message}")
    return None


def _spend(account: PatreonAccount, lease: str, *, using: str) -> Secret:
    """Make the one request, holding the lease, and store its result."""
    # Read the pair that the lease is on: the caller may have changed its instance.
    fresh = PatreonAccount.objects.using(using).get(pk=account.pk)
    refresh_token: Secret = fresh.refresh_token.open()
    if not refresh_token or fresh.state == PatreonAccount.State.RECONNECT:
        give_back(fresh, lease, using=using)
        raise reconnect(fresh)
    try:
        grant = refresh_tokens(refresh_token, client=client_of(fresh.client_id))
    except PatreonAPIError as error:
        _note_failure(fresh, lease, error, using=using)
        account.refresh_from_db(using=using, fields=[*COLUMNS, "last_refresh_message"])
        if account.state == PatreonAccount.State.RECONNECT:
            raise reconnect(account, was_refused=True) from None
        raise
    except Exception:
        give_back(fresh, lease, using=using)
        raise
    columns = columns_of(grant) | {"last_refresh_success_at": timezone.now()}
    if grant.scopes:
        columns["scopes"] = list(grant.scopes)
    if not _write_at_all_costs(fresh, columns, using=using):
        if not PatreonAccount.objects.using(using).filter(pk=fresh.pk).exists():
            revoke_now(grant.access_token, fresh.patreon_id, grant.client_id)
        logger.info("Account %s got a newer pair from a sign-in, or has left.", fresh.patreon_id)
    account.refresh_from_db(using=using, fields=[*COLUMNS, "last_refresh_success_at"])
    return token_of(account)


def _write_at_all_costs(account: PatreonAccount, columns: dict[str, Any], *, using: str) -> bool:
    """Store a pair that exists in this process only; try again while the database fails."""
    for remaining in reversed(range(STORE_ATTEMPTS)):
        try:
            return replace_pair(account, using=using, **columns)
        except Error:  # gone away, or read-only for the moment
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
    if isinstance(error, Refused) and error.code in FINAL:
        columns["state"] = PatreonAccount.State.RECONNECT
        said = "Account %s must reconnect: %s"
    else:
        said = "Account %s could not be renewed: %s"
    extra = {"patreon_id": account.patreon_id, "code": error.code}
    logger.warning(said, account.patreon_id, error, extra=extra)
    if give_back(account, lease, using=using, **columns) and "state" in columns:
        send_reconnect_needed(account, str(error))
