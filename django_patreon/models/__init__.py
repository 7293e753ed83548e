"""What the site knows about people on Patreon.

Token columns are written by `tokens` alone; campaigns, tiers, memberships, their events, sync
runs and wanted looks by `sync` alone; webhooks and their deliveries by `webhooks` alone.
"""

from .account import LEASE_COLUMNS, PAIR_COLUMNS, PatreonAccount
from .campaign import (
    Campaign,
    Tier,
    campaign_id_of,
    checkout_address,
    page_address,
    tier_id,
)
from .event import MembershipEvent
from .export import export_person
from .grant import Grant
from .membership import Membership, Source
from .rate_bucket import RateBucket
from .sync_run import SyncPage, SyncRun
from .wanted_look import WantedLook
from .webhook import Webhook, WebhookDelivery

__all__ = [
    "LEASE_COLUMNS",
    "PAIR_COLUMNS",
    "Campaign",
    "Grant",
    "Membership",
    "MembershipEvent",
    "PatreonAccount",
    "RateBucket",
    "Source",
    "SyncPage",
    "SyncRun",
    "Tier",
    "WantedLook",
    "Webhook",
    "WebhookDelivery",
    "campaign_id_of",
    "checkout_address",
    "export_person",
    "page_address",
    "tier_id",
]
