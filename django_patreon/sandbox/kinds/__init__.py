"""What each type of API v2 has: attributes, relations, and what needs a scope to be seen.

Types and attributes are Patreon's documented ones; what was only observed says so.
"""

from __future__ import annotations

from typing import Any

from django_patreon.sandbox.schema import Kind
from django_patreon.sandbox.world import World

from .campaigns import CAMPAIGNS
from .people import PEOPLE
from .posts import POSTS
from .program import PROGRAM

__all__ = ["KINDS", "find"]

KINDS: dict[str, Kind] = PEOPLE | CAMPAIGNS | POSTS | PROGRAM


def find(world: World, kind: str, key: str) -> Any:
    """Return the object behind a reference, or None."""
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
