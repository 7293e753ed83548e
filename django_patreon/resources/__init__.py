"""Patreon's resources, as frozen dataclasses.

`people`, `campaigns` and `program` have what there is, `answers` what several of them come in,
`documents` reads them, `fields` asks for them.
"""

from .answers import Identity, Listed, Page
from .campaigns import (
    Benefit,
    Campaign,
    Deliverable,
    Goal,
    LiveAccessRule,
    Media,
    Post,
    Tier,
)
from .documents import (
    MalformedDocument,
    parse_campaign,
    parse_campaigns,
    parse_identity,
    parse_listed_members,
    parse_member,
    parse_members_page,
    parse_post,
    parse_posts_page,
    parse_webhook,
    parse_webhooks,
    read_listed,
)
from .fields import (
    ADDRESS_FIELDS,
    CAMPAIGN_FIELDS,
    HISTORY_FIELDS,
    IDENTITY_FIELDS,
    IDENTITY_INCLUDE,
    MEMBER_FIELDS,
    MEMBER_INCLUDE,
    POST_FIELDS,
    WEBHOOK_FIELDS,
)
from .people import Address, Member, PledgeEvent, User
from .program import Client, Live, Webhook
from .values import storable

__all__ = [
    "ADDRESS_FIELDS",
    "CAMPAIGN_FIELDS",
    "HISTORY_FIELDS",
    "IDENTITY_FIELDS",
    "IDENTITY_INCLUDE",
    "MEMBER_FIELDS",
    "MEMBER_INCLUDE",
    "POST_FIELDS",
    "WEBHOOK_FIELDS",
    "Address",
    "Benefit",
    "Campaign",
    "Client",
    "Deliverable",
    "Goal",
    "Identity",
    "Listed",
    "Live",
    "LiveAccessRule",
    "MalformedDocument",
    "Media",
    "Member",
    "Page",
    "PledgeEvent",
    "Post",
    "Tier",
    "User",
    "Webhook",
    "parse_campaign",
    "parse_campaigns",
    "parse_identity",
    "parse_listed_members",
    "parse_member",
    "parse_members_page",
    "parse_post",
    "parse_posts_page",
    "parse_webhook",
    "parse_webhooks",
    "read_listed",
    "storable",
]
