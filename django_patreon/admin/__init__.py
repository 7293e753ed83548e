"""The admin: what operators see, and what they can repair.

    accounts      Patreon accounts, and the buttons that mend a connection
    memberships   who is a member, in words; filters and CSV
    campaigns     campaigns with tiers: connect one, sync it now
    grants        passes and bans
    history       changes of memberships, and syncs
    deliveries    webhooks and what they have delivered

Nothing that Patreon owns can be edited here.
"""

from . import accounts, campaigns, deliveries, grants, history, memberships  # registers
from .tier_choices import TierChoices

__all__ = [
    "TierChoices",
    "accounts",
    "campaigns",
    "deliveries",
    "grants",
    "history",
    "memberships",
]
