"""The classes that describe a resource type. `kinds` describes all types with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django_patreon.sandbox.world.clock import format_time
from django_patreon.sandbox.world.world import World

__all__ = ["Attribute", "Kind", "Related", "Relation", "Viewer", "always", "many", "one", "own"]

Related = tuple[str, str]
"""A reference to another resource: its type and id."""


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """The user whose token made the request, and the scopes of the token."""

    user_id: str
    scopes: frozenset[str]
    email_scope: str = "identity[email]"
    """The scope that shows e-mail addresses: of the user, or of a creator's members."""


@dataclass(frozen=True)
class Attribute:
    """One attribute of a resource: its type, and the function that computes it.

    `type` is one of: s (text), i (whole number), b (true or false), d (time), o (object), [s] and
    [i] (lists). With a question mark it may be null.
    """

    type: str
    compute: Callable[[World, Any], Any]
    examples: tuple[str, ...] = ()
    """The documented values. Patreon may add others."""


@dataclass(frozen=True)
class Relation:
    """A relationship to one resource of another type, or to many."""

    kind: str
    many: bool
    compute: Callable[[World, Any, Viewer], list[Related] | Related | None]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One resource type. Attributes in `needs_email_scope` are shown with that scope only."""

    path: str
    """The path in links. The one of `user` is singular, and not a real endpoint (observed)."""
    attributes: dict[str, Attribute]
    relations: dict[str, Relation] = field(default_factory=dict)
    needs_email_scope: frozenset[str] = frozenset()


def own(type: str, name: str, *examples: str) -> Attribute:
    """Return an attribute that the object has itself, under this name."""
    if type.startswith("d"):
        return Attribute(type, lambda world, item: format_time(getattr(item, name)))
    return Attribute(type, lambda world, item: getattr(item, name), examples)


def always(type: str, value: Any = None) -> Attribute:
    """Return an attribute that always has the same value."""
    return Attribute(type, lambda world, item: value)


def one(kind: str, compute: Callable[[World, Any, Viewer], str | None] | None = None) -> Relation:
    """Return a relation to the resource whose id `compute` returns; to none without `compute`."""

    def found(world: World, item: Any, viewer: Viewer) -> Related | None:
        key = compute(world, item, viewer) if compute else None
        return None if key is None else (kind, key)

    return Relation(kind, False, found)


def many(kind: str, compute: Callable[[World, Any, Viewer], list[str]] | None = None) -> Relation:
    """Return a relation to the resources whose ids `compute` returns."""
    return Relation(
        kind,
        True,
        lambda world, item, viewer: [
            (kind, key) for key in (compute(world, item, viewer) if compute else ())
        ],
    )
