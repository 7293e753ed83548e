"""What there is at Patreon, as frozen dataclasses: every documented attribute of what we can read.

Amounts are cents of the campaign's currency; for a pledge of twelve months, of all twelve. Times
are aware UTC. None is "Patreon did not say", be it that nobody asked; an empty tuple is "there are
none". Words such as `patron_status` are text: Patreon may have others tomorrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from django_patreon.secret import Secret

__all__ = [
    "Address",
    "Benefit",
    "Campaign",
    "Identity",
    "Member",
    "Page",
    "PledgeEvent",
    "Post",
    "Tier",
    "User",
    "Webhook",
]

T = TypeVar("T")


def _hidden() -> Any:
    """A personal value: there, but not in a repr."""
    return field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person on Patreon."""

    id: str
    about: str | None = None
    can_see_nsfw: bool | None = None
    created: datetime | None = None
    email: str | None = _hidden()
    first_name: str | None = None
    full_name: str | None = None
    hide_pledges: bool | None = None
    image_url: str | None = _hidden()
    is_creator: bool | None = None
    is_email_verified: bool | None = None
    last_name: str | None = None
    like_count: int | None = None
    social_connections: Mapping[str, Any] | None = _hidden()
    thumb_url: str | None = _hidden()
    url: str | None = None
    vanity: str | None = None

    @property
    def verified_email(self) -> str | None:
        """The address, if Patreon says that the person proved to own it."""
        return self.email if self.is_email_verified is True else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A creator's page."""

    id: str
    created_at: datetime | None = None
    creation_name: str | None = None
    currency: str | None = None
    discord_server_id: str | None = None
    google_analytics_id: str | None = None
    has_rss: bool | None = None
    has_sent_rss_notify: bool | None = None
    image_small_url: str | None = _hidden()
    image_url: str | None = _hidden()
    is_charged_immediately: bool | None = None
    is_monthly: bool | None = None
    is_nsfw: bool | None = None
    main_video_embed: str | None = None
    main_video_url: str | None = None
    name: str | None = None
    one_liner: str | None = None
    patron_count: int | None = None
    pay_per_name: str | None = None
    pledge_url: str | None = None
    """A path (observed), though it reads like an address."""
    published_at: datetime | None = None
    rss_artwork_url: str | None = None
    rss_feed_title: str | None = None
    show_earnings: bool | None = None
    summary: str | None = None
    thanks_embed: str | None = None
    thanks_msg: str | None = None
    thanks_video_url: str | None = None
    url: str | None = None
    vanity: str | None = None
    creator_id: str | None = None
    tier_ids: tuple[str, ...] | None = None
    benefit_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """What a campaign sells. Every campaign has a free one, of 0 cents (observed)."""

    id: str
    amount_cents: int | None = None
    created_at: datetime | None = None
    description: str | None = None
    discord_role_ids: tuple[str, ...] | None = None
    edited_at: datetime | None = None
    image_url: str | None = _hidden()
    patron_count: int | None = None
    post_count: int | None = None
    published: bool | None = None
    published_at: datetime | None = None
    remaining: int | None = None
    requires_shipping: bool | None = None
    title: str | None = None
    unpublished_at: datetime | None = None
    url: str | None = None
    """A path (observed)."""
    user_limit: int | None = None
    campaign_id: str | None = None
    benefit_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefit:
    """What a tier comes with."""

    id: str
    app_external_id: str | None = None
    app_meta: Mapping[str, Any] | None = _hidden()
    benefit_type: str | None = None
    created_at: datetime | None = None
    deliverables_due_today_count: int | None = None
    delivered_deliverables_count: int | None = None
    description: str | None = None
    is_deleted: bool | None = None
    is_ended: bool | None = None
    is_published: bool | None = None
    next_deliverable_due_date: datetime | None = None
    not_delivered_deliverables_count: int | None = None
    rule_type: str | None = None
    tiers_count: int | None = None
    title: str | None = None
    campaign_id: str | None = None
    tier_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One person's relation to one campaign. `id` is the membership's, not the person's."""

    id: str
    campaign_lifetime_support_cents: int | None = None
    currently_entitled_amount_cents: int | None = None
    email: str | None = _hidden()
    """Only with a creator's `campaigns.members[email]`; missing for some members (observed)."""
    full_name: str | None = None
    is_follower: bool | None = None
    """Deprecated, and always false (official)."""
    is_free_trial: bool | None = None
    is_gifted: bool | None = None
    last_charge_date: datetime | None = None
    last_charge_status: str | None = None
    lifetime_support_cents: int | None = None
    """Deprecated (official)."""
    next_charge_date: datetime | None = None
    note: str | None = _hidden()
    patron_status: str | None = None
    pledge_cadence: int | None = None
    """Months that one payment covers: 1 or 12 (observed)."""
    pledge_relationship_start: datetime | None = None
    will_pay_amount_cents: int | None = None
    address_id: str | None = None
    campaign_id: str | None = None
    pledge_event_ids: tuple[str, ...] | None = None
    tier_ids: tuple[str, ...] | None = None
    """The tiers that the person is entitled to now, the free one among them."""
    user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a patron wants parcels sent."""

    id: str
    addressee: str | None = _hidden()
    city: str | None = _hidden()
    country: str | None = _hidden()
    created_at: datetime | None = None
    line_1: str | None = _hidden()
    line_2: str | None = _hidden()
    phone_number: str | None = _hidden()
    postal_code: str | None = _hidden()
    state: str | None = _hidden()
    user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PledgeEvent:
    """Something that happened to a pledge. The amount is in the patron's currency."""

    id: str
    amount_cents: int | None = None
    currency_code: str | None = None
    date: datetime | None = None
    payment_status: str | None = None
    pledge_payment_status: str | None = None
    tier_id: str | None = None
    tier_title: str | None = None
    type: str | None = None
    campaign_id: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a creator published."""

    id: str
    app_id: int | None = None
    app_status: str | None = None
    content: str | None = field(default=None, repr=False)
    embed_data: Mapping[str, Any] | None = field(default=None, repr=False)
    embed_url: str | None = None
    is_paid: bool | None = None
    is_public: bool | None = None
    published_at: datetime | None = None
    title: str | None = None
    url: str | None = None
    """A path (observed)."""
    campaign_id: str | None = None
    tier_ids: tuple[str, ...] | None = None
    """Who may read it; empty for everybody. Numbers and texts have both been seen."""
    user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that Patreon tells of changes."""

    id: str
    last_attempted_at: datetime | None = None
    num_consecutive_times_failed: int | None = None
    paused: bool | None = None
    secret: Secret = field(default=Secret(), repr=False)
    """What deliveries are signed with; each webhook has its own."""
    triggers: tuple[str, ...] | None = None
    uri: str | None = None
    campaign_id: str | None = None


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
    """One page of a list, and by id what came along with it."""

    items: tuple[T, ...]
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    benefits: Mapping[str, Benefit] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    addresses: Mapping[str, Address] = field(default_factory=dict, repr=False)
    pledge_events: Mapping[str, PledgeEvent] = field(default_factory=dict)
    total: int | None = None
    """How many there are on all pages; members are not all payers."""
    next_cursor: str | None = None
    """None on the last page, whichever of the four shapes it has (observed)."""
    skipped: int = 0
    """Items that made no sense."""
