"""Giving tokens up: they are deleted here at once, and revoked at Patreon after the commit."""

from __future__ import annotations

import logging
import time
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from django.db import connections, router, transaction

from django_patreon.api import revoke_token
from django_patreon.conf import PatreonSettings, patreon_settings
from django_patreon.exceptions import PatreonAPIError, RateLimited, Unavailable
from django_patreon.models import PatreonAccount
from django_patreon.secret import Secret

from .client import client_of
from .connection_signals import send_reconnect_needed
from .pair import COLUMNS

__all__ = ["revoke", "revoke_deleted", "revoke_now"]

logger = logging.getLogger("django_patreon")

BUDGET = 3.0
"""Seconds after which no further revocation of the same transaction begins."""
SILENCE = 60.0
"""Seconds without another try after Patreon gave no answer, or has no such URL."""
_NO_SUCH_ADDRESS = frozenset({404, 405})
_silence: tuple[PatreonSettings | None, float] = (None, 0.0)
"""Until when nothing is tried, and with which settings: others may name another Patreon."""


def revoke(account: PatreonAccount) -> None:
    """Remove the account's tokens, so that it must reconnect. Patreon is told after the commit."""
    account.refresh_from_db(fields=COLUMNS)  # they may have been renewed meanwhile
    _revoke_after_commit(account, router.db_for_write(PatreonAccount, instance=account))
    account.access_token = account.refresh_token = ""
    account.token_expires_at = account.token_lifetime = None
    account.token_generation += 1
    account.state = PatreonAccount.State.RECONNECT
    account.refresh_lease, account.refresh_lease_until = "", None
    account.save(update_fields=COLUMNS)
    send_reconnect_needed(account, "The tokens were given up.")


def revoke_deleted(
    sender: Any, instance: PatreonAccount, using: str, origin: Any = None, **kwargs: Any
) -> None:
    """Receiver of `pre_delete`: revoke the tokens of an account that is deleted.

    The row is still there, so it is read again: the caller's instance may lack columns, or be older
    than the last renewal.
    """
    found: PatreonAccount | None = instance
    if origin is instance or instance.get_deferred_fields():
        rows = PatreonAccount._base_manager.using(using).select_for_update()
        found = rows.filter(pk=instance.pk).first()
    if found is not None:
        _revoke_after_commit(found, using)


def revoke_now(token: Secret, patreon_id: str, client_id: str) -> None:
    """Ask Patreon to revoke a token. Never fails: Patreon documents no way to do it."""
    _revoke_all([_Revocation(token, patreon_id, client_id)])


class _Revocation:
    """A token to revoke when the transaction commits.

    Only Django's list of callbacks on commit refers to it. A rollback, also to a savepoint, removes
    it from that list.
    """

    def __init__(self, token: Secret, patreon_id: str, client_id: str) -> None:
        self.token, self.patreon_id, self.client_id = token, patreon_id, client_id


_waiting: WeakKeyDictionary[Any, WeakSet[_Revocation]] = WeakKeyDictionary()
"""By connection: the revocations of its open transaction."""


def _revoke_after_commit(account: PatreonAccount, using: str) -> None:
    """Revoke together with the others of the transaction, within one budget of time."""
    if not account.access_token.readable:
        return
    connection = connections[using]
    waiting = _waiting.setdefault(connection, WeakSet())
    token = account.access_token.open()
    revocation = _Revocation(token, account.patreon_id, account.client_id)
    waiting.add(revocation)

    def revoke_waiting() -> None:
        if revocation in waiting:  # otherwise an earlier callback of this commit has done it
            together = list(waiting)
            waiting.clear()
            _revoke_all(together)

    transaction.on_commit(revoke_waiting, using=using)


def _revoke_all(revocations: list[_Revocation]) -> None:
    """Revoke one after the other, and log in one line how many were left out."""
    left = list(revocations)
    until = time.monotonic() + BUDGET
    while left and time.monotonic() < until and not _is_silent():
        each = left.pop()
        try:
            revoke_token(each.token, client=client_of(each.client_id))
        except PatreonAPIError as error:
            logger.info("The token of account %s was not revoked: %s", each.patreon_id, error)
            if isinstance(error, RateLimited):
                break
            if isinstance(error, Unavailable) or error.status in _NO_SUCH_ADDRESS:
                _be_silent()
    if left:
        logger.warning(
            "%d of %d tokens were deleted here and not revoked at Patreon, which is slow or refuses"
            " it. They end by themselves.",
            len(left),
            len(revocations),
        )


def _is_silent() -> bool:
    settings, until = _silence
    return settings is patreon_settings() and time.monotonic() < until


def _be_silent() -> None:
    global _silence
    _silence = (patreon_settings(), time.monotonic() + SILENCE)
