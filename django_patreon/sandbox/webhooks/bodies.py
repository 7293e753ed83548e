"""The bodies of webhooks: of member and post events, and of the portal's test button.

Unlike an answer of the API, a body contains all attributes, whatever scopes were granted.
"""

from __future__ import annotations

import json
from typing import Any

from django_patreon.sandbox.oauth.tokens import SCOPES
from django_patreon.sandbox.resources.jsonapi import RenderContext, Requested, single
from django_patreon.sandbox.resources.kinds import KINDS
from django_patreon.sandbox.resources.schema import Viewer
from django_patreon.sandbox.settings import Settings
from django_patreon.sandbox.world.models import Campaign, Member, Post
from django_patreon.sandbox.world.world import World

__all__ = ["member_body", "portal_test_body", "post_body"]

# The e-mail address is there without a scope; the postal address is null (observed).
_SCOPES = frozenset(SCOPES) - {"campaigns.members.address"}
# These attributes were missing in webhooks of 2023 to 2025 (observed; newer ones are unknown).
_CAMPAIGN_LACKS = frozenset({"show_earnings", "name", "currency"})
_USER_LACKS = frozenset({"email", "is_email_verified", "can_see_nsfw"})


def member_body(world: World, settings: Settings, url: str, member: Member) -> str:
    """Return the body about a member: all of it, then campaign, user and entitled tiers."""
    requested = Requested(
        fields=_everything("member"),
        include={"address": {}, "campaign": {}, "user": {}, "currently_entitled_tiers": {}},
    )
    document = single(_context(world, settings, url), ("member", member.id), requested)
    return _text(document)


def post_body(world: World, settings: Settings, url: str, post: Post) -> str:
    """Return the body about a post, with campaign and user. It is inferred: none was observed."""
    requested = Requested(fields=_everything("post"), include={"campaign": {}, "user": {}})
    return _text(single(_context(world, settings, url), ("post", post.id), requested))


def portal_test_body(campaign: Campaign, url: str) -> str:
    """Return the body of the portal's test button: API v1 with null ids (observed until 2024)."""
    person = {"id": campaign.creator_id, "type": "user"}
    return _text(
        {
            "data": {
                "attributes": {
                    "access_expires_at": None,
                    "campaign_currency": campaign.currency,
                    "campaign_lifetime_support_cents": 12345,
                    "campaign_pledge_amount_cents": 550,
                    "full_name": campaign.name,
                    "is_follower": False,
                    "last_charge_date": "2014-04-01T00:00:00.000+00:00",
                    "last_charge_status": "Paid",
                    "lifetime_support_cents": 12345,
                    "patron_status": "active_patron",
                    "pledge_amount_cents": 550,
                    "pledge_relationship_start": "2014-03-14T00:00:00.000+00:00",
                },
                "id": None,
                "relationships": {
                    "address": {"data": None},
                    "campaign": {
                        "data": {"id": campaign.id, "type": "campaign"},
                        "links": {"related": f"{url}/api/campaigns/{campaign.id}"},
                    },
                    "user": {
                        "data": person,
                        "links": {"related": f"{url}/api/user/{campaign.creator_id}"},
                    },
                },
                "type": "member",
            },
            "included": [
                {
                    "attributes": {
                        "amount": 0,
                        "amount_cents": 0,
                        "created_at": None,
                        "description": "Everyone",
                        "patron_currency": campaign.currency,
                        "remaining": 0,
                        "requires_shipping": False,
                        "url": None,
                        "user_limit": None,
                    },
                    "id": "-1",
                    "type": "reward",
                }
            ],
            "links": {"self": f"{url}/api/members/None"},
        }
    )


def _everything(root: str) -> dict[str, list[str]]:
    return {
        root: list(KINDS[root].attributes),
        "campaign": [each for each in KINDS["campaign"].attributes if each not in _CAMPAIGN_LACKS],
        "user": [each for each in KINDS["user"].attributes if each not in _USER_LACKS],
        "tier": list(KINDS["tier"].attributes),
    }


def _context(world: World, settings: Settings, url: str) -> RenderContext:
    viewer = Viewer(user_id="", scopes=_SCOPES, email_scope="campaigns.members[email]")
    return RenderContext(world=world, url=url, viewer=viewer, settings=settings)


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, sort_keys=True)
