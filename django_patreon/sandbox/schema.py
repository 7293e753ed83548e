"""What a resource type is made of; `kinds` has the types themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .world import World

__all__ = ["Attribute", "Kind", "Related", "Viewer", "find"]


Related = tuple[str, str]
"""A reference to another resource: its type and id."""


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Whose eyes the answer is for: a user, seen through the scopes of their token."""

    user_id: str
    scopes: frozenset[str]
    email_scope: str = "identity[email]"
    """Which scope shows addresses here: the person's own, or a creator's members'."""


Attribute = Callable[[World, Any], Any]
Relation = Callable[[World, Any, Viewer], list[Related] | Related | None]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One resource type. `needs_email_scope` names what only the viewer's `email_scope` shows."""

    path: str
    """Where a link points; `user` is singular and not a real endpoint (observed)."""
    attributes: dict[str, Attribute]
    relations: dict[str, Relation] = field(default_factory=dict)
    needs_email_scope: frozenset[str] = frozenset()
    unsupported_relations: frozenset[str] = frozenset()
    """Relations that exist at Patreon and are always empty here."""


def find(world: World, kind: str, key: str) -> Any:
    """Return the object behind a reference, or None."""
    home: dict[str, dict[str, Any]] = {
        "user": world.people,
        "member": world.members,
        "campaign": world.campaigns,
        "tier": world.tiers,
        "benefit": world.benefits,
        "post": world.posts,
    }
    return home.get(kind, {}).get(key)
