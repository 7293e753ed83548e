"""What a resource type is made of; `kinds` has the types themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .things import stamp
from .world import World

__all__ = ["Attribute", "Kind", "Related", "Relation", "Viewer", "always", "many", "one", "own"]


Related = tuple[str, str]
"""A reference to another resource: its type and id."""


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Whose eyes the answer is for: a user, seen through the scopes of their token."""

    user_id: str
    scopes: frozenset[str]
    email_scope: str = "identity[email]"
    """Which scope shows addresses here: the person's own, or a creator's members'."""


@dataclass(frozen=True)
class Attribute:
    """One value of a resource: its type, and how it is computed when somebody asks.

    `type` is written as in Patreon's tables, shortened: s text, i whole number, b truth, d time,
    o object, [s] and [i] lists; a question mark for what may be null.
    """

    type: str
    compute: Callable[[World, Any], Any]
    words: tuple[str, ...] = ()
    """The words that are documented; Patreon may have others tomorrow."""


@dataclass(frozen=True)
class Relation:
    """Where a resource leads: to one of a kind, or to many."""

    kind: str
    many: bool
    compute: Callable[[World, Any, Viewer], list[Related] | Related | None]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One resource type. `needs_email_scope` names what only the viewer's `email_scope` shows."""

    path: str
    """Where a link points; `user` is singular and not a real endpoint (observed)."""
    attributes: dict[str, Attribute]
    relations: dict[str, Relation] = field(default_factory=dict)
    needs_email_scope: frozenset[str] = frozenset()


def own(type: str, name: str, *words: str) -> Attribute:
    """A value that the object has itself."""
    if type.startswith("d"):
        return Attribute(type, lambda world, item: stamp(getattr(item, name)))
    return Attribute(type, lambda world, item: getattr(item, name), words)


def always(type: str, value: Any = None) -> Attribute:
    """A value that nobody here changes."""
    return Attribute(type, lambda world, item: value)


def one(kind: str, compute: Callable[[World, Any, Viewer], str | None] | None = None) -> Relation:
    """Lead to one resource, whose id `compute` tells; to none without it."""

    def found(world: World, item: Any, viewer: Viewer) -> Related | None:
        key = compute(world, item, viewer) if compute else None
        return None if key is None else (kind, key)

    return Relation(kind, False, found)


def many(kind: str, compute: Callable[[World, Any, Viewer], list[str]] | None = None) -> Relation:
    """Lead to many resources, whose ids `compute` tells; to none without it."""
    return Relation(
        kind,
        True,
        lambda world, item, viewer: [
            (kind, key) for key in (compute(world, item, viewer) if compute else ())
        ],
    )
