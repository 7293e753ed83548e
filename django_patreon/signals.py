"""Signals we send. All of them after the transaction has been committed; a receiver that fails is
logged by Django, and stops nobody."""

from __future__ import annotations

from django.dispatch import Signal

__all__ = [
    "account_linked",
    "account_reconnect_needed",
    "account_reconnected",
    "account_unlinked",
    "membership_changed",
    "memberships_changed",
]

# A Patreon identity was connected to a user who did not have it before.
# Arguments: sender (the PatreonAccount class), account (PatreonAccount), user.
account_linked = Signal()

# A Patreon identity was taken off a user.
# Arguments: sender (the PatreonAccount class), patreon_id (str), user.
account_unlinked = Signal()

# Something that Patreon says of a membership has changed, or is new.
# Arguments: sender (the Membership class), membership (Membership), created (bool),
# changed (frozenset of the names of its fields, "tiers" among them), account_before (key of the
# PatreonAccount that it belonged to until now, or None).
membership_changed = Signal()

# The same news for this package itself, once for all memberships that were written together.
# Arguments: sender (the Membership class), accounts (set of the keys of the PatreonAccounts that
# they belong to, or belonged to until now).
memberships_changed = Signal()

# Patreon takes an account's tokens no more: its person has to sign in with Patreon again.
# Arguments: sender (the PatreonAccount class), account (PatreonAccount), reason (str).
account_reconnect_needed = Signal()

# The person has: there are live tokens again.
# Arguments: sender (the PatreonAccount class), account (PatreonAccount).
account_reconnected = Signal()
