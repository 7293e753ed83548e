"""The resource types of API v2: attributes, relations, and the scopes that attributes need.

Types and attributes are documented by Patreon, unless a comment says that they were observed.
"""

from __future__ import annotations

from typing import Any

from django_patreon.sandbox.resources.schema import Kind
from django_patreon.sandbox.world.world import World

from .campaigns import CAMPAIGNS
from .clients import CLIENTS
from .people import PEOPLE
from .posts import POSTS

__all__ = ["KINDS", "find"]

KINDS: dict[str, Kind] = PEOPLE | CAMPAIGNS | POSTS | CLIENTS


def find(world: World, kind: str, key: str) -> Any:
    """Return the object of this type and id, or None."""
    match kind:
        case "user":
            return world.person(key)
        case "member":
            return world.member(key)
        case "pledge-event":
            return world.pledge_event(key)
        case "client":
            return world.client if key == world.client.id else None
    home: dict[str, dict[str, Any]] = {
        "address": world.addresses,
        "benefit": world.benefits,
        "campaign": world.campaigns,
        "live": world.lives,
        "live-access-rule": world.live_access_rules,
        "post": world.posts,
        "tier": world.tiers,
        "webhook": world.hooks,
    }
    return home.get(kind, {}).get(key)
