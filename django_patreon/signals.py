"""Signals we send. All of them after the transaction has been committed."""

from __future__ import annotations

from django.dispatch import Signal

__all__ = ["account_linked", "account_unlinked"]

# A Patreon identity was connected to a user for the first time.
# Arguments: sender (the PatreonAccount class), account (PatreonAccount), user.
account_linked = Signal()

# A Patreon identity was taken off a user.
# Arguments: sender (the PatreonAccount class), patreon_id (str), user.
account_unlinked = Signal()
