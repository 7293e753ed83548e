"""Send signals after the commit: an account has lost its connection, or has it back.

A receiver that fails is logged, and stops nobody.
"""

from __future__ import annotations

from functools import partial

from django.db import router, transaction

from django_patreon.models import PatreonAccount
from django_patreon.signals import account_reconnect_needed, account_reconnected

__all__ = ["send_reconnect_needed", "send_reconnected"]


def send_reconnect_needed(account: PatreonAccount, reason: str) -> None:
    """Send `account_reconnect_needed`: the person has to sign in with Patreon again."""
    send = partial(
        account_reconnect_needed.send_robust, sender=PatreonAccount, account=account, reason=reason
    )
    transaction.on_commit(send, using=_using(account))


def send_reconnected(account: PatreonAccount) -> None:
    """Send `account_reconnected`: the person has reconnected their Patreon account."""
    send = partial(account_reconnected.send_robust, sender=PatreonAccount, account=account)
    transaction.on_commit(send, using=_using(account))


def _using(account: PatreonAccount) -> str:
    return router.db_for_write(PatreonAccount, instance=account)
