"""What the calls of the client return, where it is more than one resource."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Generic, TypeVar

from .campaigns import Campaign, Tier
from .people import Member, User
from .resource import Included

__all__ = ["Identity", "Listed", "Page"]

T = TypeVar("T")
_in_one_way = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a token belongs to, and what their token shows of their memberships."""

    user: User
    memberships: tuple[Member, ...] = ()
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    campaign_id: str | None = None
    """The person's own campaign, for a creator."""
    skipped: int = 0
    """Included resources that have no usable id, and are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list. Iterate over it, or over `items`."""

    items: tuple[T, ...]
    included: Included = field(default_factory=dict, repr=False)
    """What came along, by type and id; each item finds its own there."""
    total: int | None = None
    """How many there are on all pages; members are not all payers."""
    next_cursor: str | None = None
    """None on the last page, whichever of the four shapes it has (observed)."""
    skipped: int = 0
    """Items that made no sense."""

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Listed:
    """A member of a list that has not been read yet: most have not changed since the last time."""

    id: str
    item: dict[str, Any] = field(repr=False)
    included: Included = field(repr=False)

    def digest(self) -> str:
        """Return 32 hex digits that change whenever anything does that Patreon says of it."""
        return blake2b(_in_one_way(self.item).encode(), digest_size=16).hexdigest()
