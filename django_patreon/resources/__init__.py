"""Patreon's resources: `types` has what there is, `documents` reads it, `fields` asks for it."""

from .documents import (
    MalformedDocument,
    parse_campaigns,
    parse_identity,
    parse_member,
    parse_members_page,
)
from .fields import (
    CAMPAIGN_FIELDS,
    IDENTITY_FIELDS,
    IDENTITY_INCLUDE,
    MEMBER_FIELDS,
    MEMBER_INCLUDE,
)
from .types import Campaign, Identity, Member, Page, Tier, User

__all__ = [
    "CAMPAIGN_FIELDS",
    "IDENTITY_FIELDS",
    "IDENTITY_INCLUDE",
    "MEMBER_FIELDS",
    "MEMBER_INCLUDE",
    "Campaign",
    "Identity",
    "MalformedDocument",
    "Member",
    "Page",
    "Tier",
    "User",
    "parse_campaigns",
    "parse_identity",
    "parse_member",
    "parse_members_page",
]
