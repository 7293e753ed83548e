"""What a webhook says: the bodies of member and post events, and of the portal's test button.

Unlike an answer of the API, a body has everything, whatever the scopes of anybody.
"""

from __future__ import annotations

import json
from typing import Any

from .grants import SCOPES
from .jsonapi import Asked, Sight, single
from .kinds import KINDS
from .schema import Viewer
from .switches import Switches
from .things import Campaign, Member, Post
from .world import World

__all__ = ["member_body", "portal_test_body", "post_body"]

# E-mail is there although no scope was asked, and the address null (observed).
_SCOPES = frozenset(SCOPES) - {"campaigns.members.address"}
# Captured hooks lacked these (observed 2023 to 2025; newer ones are unknown).
_CAMPAIGN_LACKS = frozenset({"show_earnings", "name", "currency"})
_USER_LACKS = frozenset({"email", "is_email_verified", "can_see_nsfw"})


def member_body(world: World, switches: Switches, url: str, member: Member) -> str:
    """The full member as it is now, with campaign, user and entitled tiers, in that order."""
    asked = Asked(
        fields=_everything("member"),
        include={"address": {}, "campaign": {}, "user": {}, "currently_entitled_tiers": {}},
    )
    document = single(_sight(world, switches, url), ("member", member.id), asked)
    return _text(document)


def post_body(world: World, switches: Switches, url: str, post: Post) -> str:
    """A post with campaign and user: by analogy, no captured one is known."""
    asked = Asked(fields=_everything("post"), include={"campaign": {}, "user": {}})
    return _text(single(_sight(world, switches, url), ("post", post.id), asked))


def portal_test_body(campaign: Campaign, url: str) -> str:
    """What the portal's test button sent until 2024 at least: the shape of API v1, null ids."""
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


def _sight(world: World, switches: Switches, url: str) -> Sight:
    viewer = Viewer(user_id="", scopes=_SCOPES, email_scope="campaigns.members[email]")
    return Sight(world=world, url=url, viewer=viewer, switches=switches)


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, sort_keys=True)
