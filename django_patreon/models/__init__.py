"""What the site knows about people on Patreon.

Token columns are written by `tokens` alone; campaigns, tiers and memberships by `sync` alone.
"""

from .account import LEASE_COLUMNS, PAIR_COLUMNS, PatreonAccount
from .campaign import (
    Campaign,
    Tier,
    campaign_id_of,
    checkout_address,
    page_address,
    tier_id_of,
)
from .grant import Grant
from .membership import Membership
from .rate_bucket import RateBucket

__all__ = [
    "LEASE_COLUMNS",
    "PAIR_COLUMNS",
    "Campaign",
    "Grant",
    "Membership",
    "PatreonAccount",
    "RateBucket",
    "Tier",
    "campaign_id_of",
    "checkout_address",
    "page_address",
    "tier_id_of",
]
