"""The end of a pair: forgotten here at once, and at Patreon as far as it lets us."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Any

from django.db import router, transaction

from django_patreon.api import revoke_token
from django_patreon.conf import PatreonSettings, patreon_settings
from django_patreon.exceptions import PatreonAPIError, Unavailable
from django_patreon.models import PatreonAccount
from django_patreon.secret import Secret

from .client import site_client
from .news import tell_reconnect_needed
from .pair import COLUMNS

__all__ = ["revoke", "revoke_at_patreon", "tell_patreon"]

logger = logging.getLogger("django_patreon")


SILENCE = 60.0
"""Seconds without another try after Patreon did not answer: who deletes a hundred users should not
wait for a hundred time-outs."""
_silence: tuple[PatreonSettings | None, float] = (None, 0.0)
"""Under which settings, and until when: other settings are another Patreon."""


def revoke(account: PatreonAccount) -> None:
    """Give the account's tokens up: it must reconnect. Patreon is told after the commit."""
    account.refresh_from_db(fields=COLUMNS)  # renewed since, perhaps
    revoke_at_patreon(PatreonAccount, account)
    account.access_token = account.refresh_token = ""
    account.token_expires_at = account.token_lifetime = None
    account.token_generation += 1
    account.state = PatreonAccount.State.RECONNECT
    account.refresh_lease, account.refresh_lease_until = "", None
    account.save(update_fields=COLUMNS)
    tell_reconnect_needed(account, "The tokens were given up.")


def revoke_at_patreon(sender: Any, instance: PatreonAccount, **kwargs: Any) -> None:
    """Tell Patreon, after the commit, that a pair is no longer needed. Also a receiver: an account
    that is deleted, by unlinking or with its user, takes its tokens along."""
    token = instance.access_token
    if token:
        using = router.db_for_write(PatreonAccount, instance=instance)
        transaction.on_commit(partial(tell_patreon, token, instance.patreon_id), using=using)


def tell_patreon(token: Secret, patreon_id: str) -> None:
    """Ask Patreon to forget a token. Never fails: it is a courtesy."""
    global _silence
    settings, until = _silence
    if settings is patreon_settings() and time.monotonic() < until:
        return
    try:
        revoke_token(token, client=site_client())
    except PatreonAPIError as error:
        if isinstance(error, Unavailable):
            _silence = (patreon_settings(), time.monotonic() + SILENCE)
        logger.info("Patreon was told that account %s has left; it said: %s", patreon_id, error)
