"""What there is at Patreon, as frozen dataclasses.

Amounts are cents of the campaign's currency; for a pledge of twelve months, of all twelve. Times
are aware UTC. None is "Patreon did not say"; an empty tuple is "there are none".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

__all__ = ["Campaign", "Identity", "Member", "Page", "Tier", "User"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person on Patreon."""

    id: str
    full_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    vanity: str | None = None
    email: str | None = field(default=None, repr=False)
    is_email_verified: bool | None = None
    image_url: str | None = field(default=None, repr=False)
    url: str | None = None

    @property
    def verified_email(self) -> str | None:
        """The address, if Patreon says that the person proved to own it."""
        return self.email if self.is_email_verified is True else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A creator's page."""

    id: str
    name: str | None = None
    vanity: str | None = None
    url: str | None = None
    pledge_url: str | None = None
    currency: str | None = None
    is_monthly: bool | None = None
    tier_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """What a campaign sells. Every campaign has a free one, of 0 cents (observed)."""

    id: str
    title: str | None = None
    amount_cents: int | None = None
    published: bool | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One person's relation to one campaign. `id` is the membership's, not the person's."""

    id: str
    campaign_id: str | None = None
    user_id: str | None = None
    tier_ids: tuple[str, ...] | None = None
    full_name: str | None = None
    email: str | None = field(default=None, repr=False)
    """Only with a creator's `campaigns.members[email]`; missing for some members (observed)."""
    note: str | None = field(default=None, repr=False)
    patron_status: str | None = None
    last_charge_status: str | None = None
    last_charge_date: datetime | None = None
    next_charge_date: datetime | None = None
    currently_entitled_amount_cents: int | None = None
    will_pay_amount_cents: int | None = None
    campaign_lifetime_support_cents: int | None = None
    lifetime_support_cents: int | None = None
    """Deprecated; comes with webhooks."""
    pledge_cadence: int | None = None
    """Months that one payment covers: 1 or 12 (observed)."""
    pledge_relationship_start: datetime | None = None
    is_gifted: bool | None = None
    is_free_trial: bool | None = None
    is_follower: bool | None = None
    """Deprecated; comes with webhooks, and is always false (official)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a token belongs to, and what their token shows of their memberships."""

    user: User
    memberships: tuple[Member, ...] = ()
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    campaign_id: str | None = None
    """The person's own campaign, for a creator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list."""

    items: tuple[T, ...]
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    total: int | None = None
    """How many there are on all pages; members are not all payers."""
    next_cursor: str | None = None
    """None on the last page, whichever of the four shapes it has (observed)."""
    skipped: int = 0
    """Items that made no sense."""
