"""The signals that we send, always after the commit.

A receiver that raises is logged by Django; the other receivers are called all the same.
"""

from __future__ import annotations

from django.dispatch import Signal

__all__ = [
    "account_linked",
    "account_reconnect_needed",
    "account_reconnected",
    "account_unlinked",
    "membership_changed",
    "memberships_changed",
    "webhook_received",
]

# A Patreon identity was connected to a user who did not have it before.
# Arguments: sender (the PatreonAccount class), account (PatreonAccount), user.
account_linked = Signal()

# A Patreon identity was disconnected from a user.
# Arguments: sender (the PatreonAccount class), patreon_id (str), user.
account_unlinked = Signal()

# A membership is new, or something that Patreon says about it has changed.
# Arguments: sender (the Membership class), membership (Membership), created (bool),
# changed (frozenset of the names of its fields, "tiers" among them), account_before (key of the
# PatreonAccount that it belonged to until now, or None).
membership_changed = Signal()

# As `membership_changed`, for this package itself: sent once for all memberships that were written
# together.
# Arguments: sender (the Membership class), accounts (set of the keys of the PatreonAccounts that
# they belong to, or belonged to until now).
memberships_changed = Signal()

# Patreon no longer accepts an account's tokens: the user has to sign in with Patreon again.
# Arguments: sender (the PatreonAccount class), account (PatreonAccount), reason (str).
account_reconnect_needed = Signal()

# The user has reconnected their Patreon account: it has live tokens again.
# Arguments: sender (the PatreonAccount class), account (PatreonAccount).
account_reconnected = Signal()

# A webhook delivery was applied. Sent again if it is replayed, and if its worker is killed.
# Arguments: sender (the WebhookDelivery class), delivery (WebhookDelivery), event (str, such as
# "posts:publish"), post (resources.Post for an event about a post, else None).
webhook_received = Signal()
